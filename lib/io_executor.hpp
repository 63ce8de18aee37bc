#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <utility>

namespace zproc {

// The executor that a user gives may be any, and is nearly always that of a loop of Asio's. Where its
// type is known, nothing has to be erased: copies and posts need nothing on the heap.

inline boost::asio::any_io_executor strand_of(const boost::asio::any_io_executor& io)
{
    if (const auto* loop = io.target<boost::asio::io_context::executor_type>())
        return boost::asio::make_strand(*loop);
    return boost::asio::make_strand(io);
}

template <class F>
void post_to(const boost::asio::any_io_executor& io, F f)
{
    if (const auto* loop = io.target<boost::asio::io_context::executor_type>())
        boost::asio::post(*loop, std::move(f));
    else
        boost::asio::post(io, std::move(f));
}

} // namespace zproc
