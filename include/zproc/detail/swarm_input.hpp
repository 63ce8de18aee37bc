#pragma once

#include <zproc/detail/swarm_items.hpp>
#include <zproc/detail/swarm_job.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>

namespace zproc::detail {

// What a map reads from: its cursors. `total()` is the number of items where that is known.

template <std::ranges::input_range Range>
class range_cursor {
public:
    using element = std::ranges::range_reference_t<Range>;

    template <class R>
    explicit range_cursor(R&& range) : range_(std::forward<R>(range))
    {
    }
    range_cursor(const range_cursor&) = delete;
    range_cursor& operator=(const range_cursor&) = delete;

    std::optional<std::uint64_t> total()
    {
        if constexpr (std::ranges::sized_range<Range>)
            return static_cast<std::uint64_t>(std::ranges::size(range_));
        else
            return std::nullopt;
    }

    bool at_end()
    {
        if (!at_)
            at_.emplace(std::ranges::begin(range_));
        return *at_ == std::ranges::end(range_);
    }
    element get() { return **at_; }
    void step() { ++*at_; }

    Range& range() noexcept { return range_; }

private:
    Range range_;
    std::optional<std::ranges::iterator_t<Range>> at_; ///< begun at the first item
};

/// Several ranges at once, as long as the shortest.
template <class... Range>
class zip_cursor {
public:
    using element = std::tuple<std::ranges::range_reference_t<Range>...>;

    template <class... R>
    explicit zip_cursor(R&&... ranges) : all_(std::forward<R>(ranges)...)
    {
    }

    std::optional<std::uint64_t> total()
    {
        std::optional<std::uint64_t> least;
        bool known = false;
        const auto look = [&](std::optional<std::uint64_t> one) {
            known = known || one;
            if (one && (!least || *one < *least))
                least = one;
        };
        std::apply([&](auto&... each) { (look(each.total()), ...); }, all_);
        return (std::ranges::sized_range<Range> && ...) ? least : std::nullopt;
    }

    bool at_end()
    {
        return std::apply([](auto&... each) { return (each.at_end() || ...); }, all_);
    }
    element get()
    {
        return std::apply([](auto&... each) { return element(each.get()...); }, all_);
    }
    void step()
    {
        std::apply([](auto&... each) { (each.step(), ...); }, all_);
    }

private:
    std::tuple<range_cursor<Range>...> all_;
};

/// What `spread` and `zip` make of ranges. No aggregates: g++ 12 would destroy these twice.
template <class Input>
struct spread_input {
    explicit spread_input(auto&& of) : input(std::forward<decltype(of)>(of)) {}
    Input input;
};
template <class... Range>
struct zip_input {
    explicit zip_input(std::tuple<Range...>&& of) : ranges(std::move(of)) {}
    std::tuple<Range...> ranges;
};

template <class G>
concept stream_of_ours =
    requires(G& g) { typename decltype(g.next(asio::use_awaitable))::value_type::value_type; };
template <class G>
concept coroutine_stream = !stream_of_ours<G> && requires(G& g) {
    typename decltype(g.next())::value_type::value_type;
    requires std::same_as<decltype(g.next()),
                          asio::awaitable<typename decltype(g.next())::value_type>>;
};

/// What gives items one after the other by `next()`: a stream of this library, or anything whose
/// `next()` returns an `awaitable<optional<T>>`.
template <class G>
concept async_generator = stream_of_ours<G> || coroutine_stream<G>;

template <async_generator G>
auto next_of(G& g)
{
    if constexpr (stream_of_ours<G>)
        return g.next(asio::use_awaitable);
    else
        return g.next();
}

/// Of an input, whatever it is: what an item is, how many arguments, and how it is kept.
template <class Input>
struct input_traits;

template <class Input>
    requires(std::ranges::input_range<Input> && !async_generator<Input>)
struct input_traits<Input> {
    using element = std::ranges::range_reference_t<Input>;
    static constexpr bool spread = false;
    static constexpr bool asynchronous = false;
    using cursor = range_cursor<Input>;
};

template <async_generator Input>
struct input_traits<Input> {
    using element = typename decltype(next_of(std::declval<Input&>()))::value_type::value_type&&;
    static constexpr bool spread = false;
    static constexpr bool asynchronous = true;
};

template <class... Range>
struct input_traits<zip_input<Range...>> {
    using element = std::tuple<std::ranges::range_reference_t<Range>...>;
    static constexpr bool spread = true;
    static constexpr bool asynchronous = false;
    using cursor = zip_cursor<Range...>;
};

template <class Input>
struct input_traits<spread_input<Input>> : input_traits<Input> {
    static constexpr bool spread = true;
};

template <class Input>
concept swarm_input = requires { typename input_traits<std::remove_cvref_t<Input>>::element; };

/// How many arguments of the function an item is.
template <class Input>
constexpr std::size_t arguments_of_item() noexcept
{
    using traits = input_traits<Input>;
    if constexpr (traits::spread)
        return std::tuple_size_v<std::remove_cvref_t<typename traits::element>>;
    else
        return 1;
}

/// Puts an element of the input as the arguments that the function takes.
template <class Item, bool Spread, class Element>
void put_element(item_packer& out, Element&& element)
{
    const auto put = [&]<class T>(std::type_identity<T>, auto&& value) {
        using given = std::remove_cvref_t<decltype(value)>;
        if constexpr (std::is_same_v<given, T>)
            out.put(value);
        else
            out.put(T(std::forward<decltype(value)>(value)));
    };
    if constexpr (Spread)
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (put(std::type_identity<std::tuple_element_t<I, Item>>{},
                 std::get<I>(std::forward<Element>(element))),
             ...);
        }(std::make_index_sequence<std::tuple_size_v<Item>>{});
    else
        put(std::type_identity<std::tuple_element_t<0, Item>>{}, std::forward<Element>(element));
}

} // namespace zproc::detail
