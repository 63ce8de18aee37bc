// What it costs to name a function so that another process finds it, to find it by that name, and
// to call it with arguments that were packed: all of a spawn that is not the process itself.
//
// Baseline: a call by a plain function pointer, of the same function with the same arguments.
//
// Not measured: the process (spawn), modules that have to be loaded first, large arguments.

#include "supervisor/function_ref.hpp"

#include <zproc/context.hpp>
#include <zproc/detail/call.hpp>

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <benchmark/benchmark.h>

namespace {

namespace detail = zproc::detail;
namespace supervision = zproc::supervision;

constexpr std::string_view name = "the bakery in the market";

std::int64_t weigh(std::int64_t each, const std::string& what)
{
    return each * static_cast<std::int64_t>(what.size());
}

/// A call within this process, by its reference.
class direct final : public detail::invocation {
public:
    direct(std::string_view arguments, std::uintptr_t target)
        : arguments_(arguments), target_(target)
    {
    }

    std::string_view arguments() const noexcept override { return arguments_; }
    std::uintptr_t target() const noexcept override { return target_; }
    zproc::context& own_context() override { throw std::logic_error("it asks for no context"); }
    std::string_view process_name() const noexcept override { return {}; }
    std::vector<int> handed() const override { return {}; }
    void finish(std::string result) override { result_ = std::move(result); }
    void launch(boost::asio::awaitable<std::string>) override {}
    std::exception_ptr failure() const noexcept override { return nullptr; }
    void permit_retry() noexcept override {}
    void carry(std::string) override {}

    const std::string& result() const { return result_; }

private:
    std::string_view arguments_;
    std::uintptr_t target_;
    std::string result_;
};

supervision::resolved_function found(const detail::function_reference& reference)
{
    zproc::error_code ec;
    const auto out = supervision::resolve(reference, ec);
    if (ec.failed())
        throw zproc::system_error(ec);
    return out;
}

void function_pointer(benchmark::State& state)
{
    auto* f = &weigh;
    std::int64_t sum = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(f);
        benchmark::DoNotOptimize(sum += f(3, std::string(name)));
    }
}

void make_reference(benchmark::State& state)
{
    for (auto _ : state) {
        const auto made = detail::make_call(&weigh, 3, std::string(name));
        if (made.failure.failed())
            state.SkipWithError("it cannot be sent");
        benchmark::DoNotOptimize(made.arguments.data());
    }
}

void resolve_reference(benchmark::State& state)
{
    const auto made = detail::make_call(&weigh, 3, std::string(name));
    for (auto _ : state)
        benchmark::DoNotOptimize(found(made.function).stub);
}

/// As a spawned process does it: the arguments are unpacked, the result is packed.
void call_by_stub(benchmark::State& state)
{
    const auto made = detail::make_call(&weigh, 3, std::string(name));
    const auto function = found(made.function);
    for (auto _ : state) {
        direct call(made.arguments, function.target);
        function.stub(call);
        benchmark::DoNotOptimize(call.result().data());
    }
}

void whole_call(benchmark::State& state)
{
    for (auto _ : state) {
        const auto made = detail::make_call(&weigh, 3, std::string(name));
        const auto function = found(made.function);
        direct call(made.arguments, function.target);
        function.stub(call);
        benchmark::DoNotOptimize(call.result().data());
    }
}

BENCHMARK(function_pointer);
BENCHMARK(make_reference);
BENCHMARK(resolve_reference);
BENCHMARK(call_by_stub);
BENCHMARK(whole_call);

} // namespace

BENCHMARK_MAIN();
