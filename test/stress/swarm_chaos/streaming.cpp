#include "stress/swarm_chaos/parts.hpp"
#include "support/processes.hpp"
#include "support/usage.hpp"

#include <algorithm>
#include <cstdio>
#include <ranges>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace zproc::test::chaos {

namespace {

constexpr std::uint64_t looks = 10;
constexpr std::int64_t most_growth = mebibyte;

std::uint64_t light_at(std::uint64_t item)
{
    static std::vector<std::string> kept;
    if (round_plan.injected == fault::memory && item % 4 == 0)
        kept.emplace_back(400, 'x');
    return right_result(item);
}

std::string light_text_at(const std::string& item)
{
    return text_for(std::stoull(item) % 1000);
}

struct held {
    std::int64_t owner = 0;
    std::int64_t worker = 0; ///< of the worker that has the most
    std::size_t descriptors = 0;
    std::size_t of_workers = 0;

    static held look()
    {
        held now;
        now.owner = usage_of().resident;
        now.descriptors = open_descriptors(::getpid());
        for (const auto& each : own_processes())
            if (each.name == worker_name && !each.zombie()) {
                now.worker = std::max(now.worker, usage_of(each.pid).alone);
                now.of_workers = std::max(now.of_workers, open_descriptors(each.pid));
            }
        return now;
    }
};

/// What is held may not grow after the first look, which ends the warming up.
class flatness {
public:
    void look()
    {
        all_.push_back(held::look());
        const auto& now = all_.back();
        const auto& first = all_.front();
        if (now.descriptors > first.descriptors + 2 || now.of_workers > first.of_workers + 2)
            object("descriptors are left: " + std::to_string(now.descriptors) + " of " +
                   std::to_string(first.descriptors) + " before; " +
                   std::to_string(now.of_workers) + " of " + std::to_string(first.of_workers) +
                   " in a worker");
        if (!measurable)
            return;
        if (now.owner - first.owner > most_growth)
            object("the owner grew by " + in_mebibytes(now.owner - first.owner));
        if (now.worker - first.worker > most_growth)
            object("a worker grew by " + in_mebibytes(now.worker - first.worker));
    }

    void print(const char* what) const
    {
        if (round_plan.injected != fault::none)
            return;
        std::printf("  %s: owner %s, then %s; worker %s, then %s; %zu and %zu descriptors, then "
                    "%zu and %zu\n",
                    what, in_mebibytes(all_.front().owner).c_str(),
                    in_mebibytes(all_.back().owner).c_str(),
                    in_mebibytes(all_.front().worker).c_str(),
                    in_mebibytes(all_.back().worker).c_str(), all_.front().descriptors,
                    all_.front().of_workers, all_.back().descriptors, all_.back().of_workers);
    }

private:
    std::vector<held> all_;
};

} // namespace

asio::awaitable<void> stay_flat(context, swarm of)
{
    const auto step = round_plan.items / looks;
    {
        flatness flat;
        auto all = of.map_lazy(light_at, std::views::iota(std::uint64_t{0}, round_plan.items));
        for (std::uint64_t i = 0; i != round_plan.items; ++i) {
            const auto each = co_await all.next();
            if (!each || *each != right_result(i))
                object("item " + std::to_string(i) + " has a wrong result");
            ++page->done;
            if (i % step == step - 1)
                flat.look();
            if (i == round_plan.items / 2 && round_plan.injected == fault::descriptor)
                for (int n = 0; n != 5; ++n)
                    static_cast<void>(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        }
        flat.print("numbers");
    }
    page->stage = "streaming texts, whose memory stays flat";
    if (page->objections != 0)
        co_return;
    // Of these as many are under way as it takes: the owner grows until that is found out.
    const auto count = std::max<std::uint64_t>(round_plan.items / 3, 200'000);
    flatness flat;
    const auto texts =
        std::views::iota(std::uint64_t{0}) |
        std::views::transform([](std::uint64_t item) { return std::to_string(item); });
    auto all = of.map_lazy(light_text_at, texts); // endless
    for (std::uint64_t i = 0; i != count; ++i) {
        const auto each = co_await all.next();
        if (!each || *each != text_for(i % 1000))
            object("text " + std::to_string(i) + " is wrong");
        ++page->done;
        if (i >= count / 2 && i % (count / looks) == 0)
            flat.look();
    }
    flat.print("texts");
}

} // namespace zproc::test::chaos
