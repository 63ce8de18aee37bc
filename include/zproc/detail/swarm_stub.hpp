#pragma once

#include <zproc/detail/swarm_items.hpp>
#include <zproc/detail/swarm_job.hpp>
#include <zproc/detail/swarm_state.hpp>
#include <zproc/exit_info.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace zproc::detail {

template <std::size_t N, class Tuple>
struct split_tuple;
template <std::size_t N, class... T>
struct split_tuple<N, std::tuple<T...>> {
    template <std::size_t... I>
    static auto head(std::index_sequence<I...>)
        -> std::tuple<std::tuple_element_t<I, std::tuple<T...>>...>;
    template <std::size_t... I>
    static auto tail(std::index_sequence<I...>)
        -> std::tuple<std::tuple_element_t<N + I, std::tuple<T...>>...>;

    using first = decltype(head(std::make_index_sequence<N>{}));
    using rest = decltype(tail(std::make_index_sequence<sizeof...(T) - N>{}));
};

template <class Tuple>
inline constexpr bool is_bulk_item = false;
template <class T>
inline constexpr bool is_bulk_item<std::tuple<T>> = crosses_in_bulk<T>;

/// The entry point of a worker for one function: runs it over a chunk. The first `Taken` arguments
/// are those of an item, the others are common to all items and lent to it.
template <class F, std::size_t Taken>
class chunk_stub {
    using function = worker_function<F>;
    using result = typename function::result;
    using parts = split_tuple<Taken, typename function::kept>;
    using item = typename parts::first;

    static_assert(std::is_void_v<result> || !std::is_reference_v<result>,
                  "zproc: a function of a swarm cannot return a reference: it crosses processes");

    static constexpr bool bulk_items = is_bulk_item<item>;
    static constexpr bool bulk_results = crosses_in_bulk<result>;

public:
    using arguments = typename parts::rest;

    static void enter(invocation& in)
    {
        auto& chunk = dynamic_cast<chunk_invocation&>(in);
        if (!chunk.common())
            chunk.common() = std::make_shared<arguments>(unpack<arguments>(in.arguments()));
        if constexpr (function::traits::coroutine)
            chunk.launch_chunk(run_coroutine(chunk));
        else
            run(chunk);
    }
    static inline const stub_registration registered{&chunk_stub::enter};

private:
    /// Goes through the items of a chunk. What does not change is asked for once.
    struct reader {
        explicit reader(chunk_invocation& c)
            : chunk(c),
              function(worker_function<F>::pointer(c)),
              common(*static_cast<arguments*>(c.common().get())),
              state(c.state()),
              marks(c.marks()),
              count(c.count()),
              rest(c.items())
        {
            if constexpr (bulk_items)
                if (rest.size() != std::size_t{count} * sizeof(std::tuple_element_t<0, item>))
                    unpacker::fail();
        }

        chunk_invocation& chunk;
        decltype(worker_function<F>::pointer(std::declval<const invocation&>())) function;
        arguments& common;
        const worker_state& state;
        chunk_marks marks;
        std::uint32_t count;
        std::string_view rest;
        std::uint32_t at = 0;

        /// False at the end, or where no more is wanted.
        bool begin()
        {
            if (at == count)
                return false;
            if (marks.begin(at))
                return true;
            chunk.stopped_after(at);
            return false;
        }

        /// False when there is no such item: its owner could not pack it.
        bool read(item& into)
        {
            if constexpr (bulk_items) {
                std::memcpy(static_cast<void*>(&std::get<0>(into)), rest.data(),
                            sizeof(std::tuple_element_t<0, item>));
                rest.remove_prefix(sizeof(std::tuple_element_t<0, item>));
                return true;
            } else {
                std::string_view bytes;
                bool absent = false;
                if (!next_item(rest, bytes, absent))
                    unpacker::fail();
                if (absent)
                    return false;
                item_unpacker unpacker(bytes);
                std::apply([&](auto&... each) { (unpacker.get(each), ...); }, into);
                unpacker.finish();
                return true;
            }
        }

        /// True when the chunk goes on.
        bool failed(std::exception_ptr error)
        {
            chunk.failed(at, std::move(error));
            ++at;
            if (!chunk.stops_at_failure())
                return true;
            chunk.stopped_after(at);
            return false;
        }
    };

    template <class Stored>
    static decltype(auto) call(reader& in, Stored& stored)
    {
        return [&]<class... P, std::size_t... I, std::size_t... J>(
                   type_list<P...>, std::index_sequence<I...>, std::index_sequence<J...>)
                   -> decltype(auto) {
            using all = std::tuple<P...>;
            return function::call(
                in.function, in.chunk, in.state,
                pass<std::tuple_element_t<I, all>>(std::get<I>(stored))...,
                lend<std::tuple_element_t<Taken + J, all>>(std::get<J>(in.common))...);
        }(typename function::list{}, std::make_index_sequence<Taken>{},
                   std::make_index_sequence<std::tuple_size_v<arguments>>{});
    }

    /// A common argument is there for the next item, too.
    template <class P, class Stored>
    static decltype(auto) lend(Stored& stored)
    {
        if constexpr (std::is_same_v<std::decay_t<P>, std::string_view>) {
            return std::string_view(stored);
        } else if constexpr (std::is_lvalue_reference_v<P>) {
            static_assert(std::is_const_v<std::remove_reference_t<P>>,
                          "zproc: an argument that all items share is lent as a constant: take it "
                          "by value, or by reference to const");
            return std::as_const(stored);
        } else {
            return Stored(stored);
        }
    }

    static void put(chunk_invocation& chunk, char* bulk, std::uint32_t at, const auto& value)
    {
        if constexpr (bulk_results)
            std::memcpy(bulk + std::size_t{at} * sizeof(result), &value, sizeof(result));
        else
            put_item(chunk.packed_results(), false, [&](item_packer& out) { out.put(value); });
    }

    static char* room(chunk_invocation& chunk)
    {
        if constexpr (bulk_results)
            return chunk.bulk_results(std::size_t{chunk.count()} * sizeof(result));
        else
            return nullptr;
    }

    static void run(chunk_invocation& chunk)
    {
        reader items(chunk);
        char* const bulk = room(chunk);
        while (items.begin()) {
            try {
                item stored{};
                if (items.read(stored)) {
                    if constexpr (std::is_void_v<result>)
                        call(items, stored);
                    else
                        put(chunk, bulk, items.at, call(items, stored));
                } else {
                    chunk.failed(items.at, nullptr);
                }
                ++items.at;
            } catch (const process_exit&) {
                throw;
            } catch (...) {
                if (!items.failed(std::current_exception()))
                    break;
            }
        }
    }

    static asio::awaitable<void> run_coroutine(chunk_invocation& chunk)
    {
        reader items(chunk);
        char* const bulk = room(chunk);
        while (items.begin()) {
            std::exception_ptr error;
            try {
                item stored{};
                if (items.read(stored)) {
                    // The temporaries of the call are gone before anything is awaited.
                    auto body = call(items, stored);
                    if constexpr (std::is_void_v<result>) {
                        co_await std::move(body);
                    } else {
                        auto value = co_await std::move(body);
                        put(chunk, bulk, items.at, value);
                    }
                } else {
                    chunk.failed(items.at, nullptr);
                }
                ++items.at;
            } catch (const process_exit&) {
                throw;
            } catch (...) {
                error = std::current_exception();
            }
            if (error && !items.failed(error))
                break;
        }
    }
};

} // namespace zproc::detail
