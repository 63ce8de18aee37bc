#pragma once

#include <zproc/detail/swarm_input.hpp>
#include <zproc/detail/swarm_job.hpp>
#include <zproc/detail/swarm_stub.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>

namespace zproc::detail {

/// A chunk of packed items is closed when it has come to so many bytes.
inline constexpr std::size_t full_batch = std::size_t{1} << 20;

/// Packs what `next(put)` gives, one by one. Items that cannot be packed are `unpacked`.
template <class Item, bool Spread>
class batch_maker {
public:
    static constexpr bool bulk = is_bulk_item<Item>;

    explicit batch_maker(std::map<std::uint64_t, std::exception_ptr>& unpacked, std::uint64_t first)
        : unpacked_(unpacked), first_(first)
    {
        if constexpr (bulk)
            made_.stride = sizeof(std::tuple_element_t<0, Item>);
    }

    bool full(std::size_t most) const
    {
        return made_.count == most || made_.bytes.size() >= full_batch;
    }

    template <class Element>
    void put(Element&& element)
    {
        if constexpr (bulk) {
            item_packer out(made_.bytes);
            put_element<Item, Spread>(out, std::forward<Element>(element));
        } else {
            try {
                put_item(made_.bytes, true, [&](item_packer& out) {
                    put_element<Item, Spread>(out, std::forward<Element>(element));
                });
            } catch (const system_error&) {
                unpacked_[first_ + made_.count] = std::current_exception();
            }
        }
        ++made_.count;
    }

    swarm_batch take(swarm_batch::then next)
    {
        made_.next = next;
        return std::move(made_);
    }

private:
    std::map<std::uint64_t, std::exception_ptr>& unpacked_;
    std::uint64_t first_;
    swarm_batch made_;
};

/// What the sources share: where they are, and which items could not be packed, with the reason.
class source_base {
public:
    /// Of an item that failed: why it could not be packed, when that was it.
    std::exception_ptr reason(std::uint64_t item)
    {
        const auto found = unpacked_.find(item);
        if (found == unpacked_.end())
            return nullptr;
        auto why = std::move(found->second);
        unpacked_.erase(found);
        return why;
    }

protected:
    std::map<std::uint64_t, std::exception_ptr> unpacked_;
    std::uint64_t at_ = 0;
};

template <class Input, class Item>
class range_source : public source_base {
    using traits = input_traits<Input>;

    static constexpr bool contiguous = [] {
        if constexpr (is_bulk_item<Item> && !traits::spread && std::ranges::input_range<Input>)
            return std::ranges::contiguous_range<Input> && std::ranges::sized_range<Input> &&
                   std::is_same_v<std::ranges::range_value_t<Input>, std::tuple_element_t<0, Item>>;
        else
            return false;
    }();

public:
    /// Copies what lies in a row right into memory that the workers share; of anything else keeps
    /// the range itself.
    template <class I>
    range_source(swarm_core& core, I&& input)
    {
        if constexpr (contiguous) {
            const auto count = std::ranges::size(input);
            const auto size = count * stride;
            if (size >= smallest_block)
                block_ = core.acquire(size);
            if (block_) {
                std::memcpy(block_->bytes().data(), std::ranges::data(input), size);
                total_ = count;
                return;
            }
        }
        if constexpr (requires { input.ranges; })
            std::apply(
                [&](auto&&... each) { cursor_.emplace(std::forward<decltype(each)>(each)...); },
                std::forward<I>(input).ranges);
        else if constexpr (requires { input.input; })
            cursor_.emplace(std::forward<I>(input).input);
        else
            cursor_.emplace(std::forward<I>(input));
        total_ = cursor_->total();
    }

    const std::optional<std::uint64_t>& total() const noexcept { return total_; }

    swarm_batch pull(swarm_job&, std::size_t most)
    {
        if (block_) {
            swarm_batch made;
            made.count = static_cast<std::size_t>(std::min<std::uint64_t>(most, *total_ - at_));
            made.stride = stride;
            made.block = block_;
            made.offset = static_cast<std::size_t>(at_) * stride;
            at_ += made.count;
            if (at_ == *total_)
                made.next = swarm_batch::then::end;
            return made;
        }
        batch_maker<Item, traits::spread> maker(unpacked_, at_);
        bool ended = cursor_->at_end();
        while (!ended && !maker.full(most)) {
            maker.put(cursor_->get());
            cursor_->step();
            ++at_;
            // An input that is looked at further than it must may wait for who feeds it.
            if (!total_ && maker.full(most))
                break;
            ended = cursor_->at_end();
        }
        return maker.take(ended ? swarm_batch::then::end : swarm_batch::then::more);
    }

    void stop() noexcept {}

private:
    static constexpr std::size_t stride = sizeof(std::tuple_element_t<0, Item>);
    static constexpr std::size_t smallest_block = std::size_t{32} << 10;

    std::shared_ptr<swarm_block> block_;
    std::optional<typename traits::cursor> cursor_;
    std::optional<std::uint64_t> total_;
};

template <class Input>
struct held_generator {
    using type = Input;
};
template <class Input>
struct held_generator<spread_input<Input>> {
    using type = Input;
};

/// Reads a generator ahead, as far as items are wanted, while somebody waits for results.
template <class Input, class Item>
class generator_source : public source_base {
    using traits = input_traits<Input>;
    using generator = typename held_generator<Input>::type;
    using value = std::remove_cvref_t<typename traits::element>;

public:
    template <class I>
    generator_source(swarm_core&, I&& input) : state_(std::make_shared<state>())
    {
        // One with a name is its owner's.
        if constexpr (requires { input.input; })
            state_->from = &state_->own.emplace(std::forward<I>(input).input);
        else if constexpr (std::is_lvalue_reference_v<I>)
            state_->from = &input;
        else
            state_->from = &state_->own.emplace(std::forward<I>(input));
    }

    std::optional<std::uint64_t> total() const noexcept { return std::nullopt; }

    swarm_batch pull(swarm_job& job, std::size_t most)
    {
        auto& s = *state_;
        batch_maker<Item, traits::spread> maker(unpacked_, at_);
        while (!s.ready.empty() && !maker.full(most)) {
            maker.put(std::move(s.ready.front()));
            s.ready.pop_front();
            ++at_;
        }
        if (s.ready.empty() && s.error)
            std::rethrow_exception(s.error);
        if (s.ready.empty() && s.ended)
            return maker.take(swarm_batch::then::end);
        s.wanted = most;
        if (!s.reading && !s.ended) {
            s.reading = true;
            asio::co_spawn(job.strand, read(state_),
                           asio::bind_cancellation_slot(
                               s.cancel.slot(),
                               [s = state_, j = job.weak_from_this()](const std::exception_ptr& e) {
                                   s->reading = false;
                                   s->error = e;
                                   s->ended = s->ended || e;
                                   if (const auto alive = j.lock())
                                       alive->feed();
                               }));
        }
        s.job = job.weak_from_this();
        return maker.take(s.ready.empty() ? swarm_batch::then::later : swarm_batch::then::more);
    }

    void stop() noexcept
    {
        if (state_->reading)
            state_->cancel.emit(asio::cancellation_type::terminal);
    }

private:
    struct state {
        std::optional<generator> own;
        generator* from = nullptr;
        std::deque<value> ready;
        std::size_t wanted = 0;
        bool reading = false;
        bool ended = false;
        std::exception_ptr error;
        asio::cancellation_signal cancel;
        std::weak_ptr<swarm_job> job;
    };

    static asio::awaitable<void> read(std::shared_ptr<state> s)
    {
        while (s->ready.size() < s->wanted) {
            auto got = co_await next_of(*s->from);
            if (!got) {
                s->ended = true;
                break;
            }
            s->ready.push_back(std::move(*got));
            if (const auto job = s->job.lock())
                job->feed();
            else
                break;
        }
    }

    std::shared_ptr<state> state_;
};

template <class Input, class Item>
using source_of = std::conditional_t<input_traits<Input>::asynchronous,
                                     generator_source<Input, Item>, range_source<Input, Item>>;

} // namespace zproc::detail
