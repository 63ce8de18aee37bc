#pragma once

#include <zproc.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>

namespace asio = boost::asio;

/// A user's aggregate: g++ 12 destroys temporaries of it twice inside co_await.
struct job {
    int id = 0;
    std::string title;

    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & id & title;
    }
};

inline int work(job j, int n)
{
    return j.id + n;
}

// What only g++ up to 12 has to refuse: others take it, rightly.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ <= 12
#define ONLY_OLD_GCC 1
#else
#define ONLY_OLD_GCC 0
#endif
