#include "supervisor/function_ref.hpp"

#include "supervisor/modules.hpp"
#include "supervisor/symbols.hpp"

#include <zproc/detail/call.hpp>
#include <zproc/error.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace {

namespace asio = boost::asio;
using namespace zproc;
using detail::function_traits;
using supervision::resolve;

int add(int a, int b)
{
    return a + b;
}

std::size_t length(std::string_view text) noexcept
{
    return text.size();
}

std::size_t append(std::string& text, const std::string& tail)
{
    text += tail;
    return text.size();
}

using greet = asio::awaitable<std::string> (*)(zproc::context, std::string);

template <class T>
T twice(T value)
{
    return value + value;
}

static_assert(std::is_same_v<detail::result_of<greet>, std::string>);
static_assert(function_traits<greet>::coroutine);
static_assert(function_traits<greet>::wants_context);
static_assert(function_traits<greet>::arity == 1);
static_assert(function_traits<decltype(&length)>::arity == 1);
static_assert(!function_traits<decltype(&length)>::wants_context);
static_assert(std::is_same_v<function_traits<decltype(&append)>::arguments,
                             std::tuple<std::string, std::string>>);

constexpr auto captureless = [](int a) { return a; };
static_assert(detail::spawnable<decltype(captureless)>);
static_assert(!detail::spawnable<decltype([a = 1](int b) { return a + b; })>);
static_assert(!detail::spawnable<decltype([](auto a) { return a; })>);
static_assert(!detail::spawnable<int> && !detail::spawnable<std::string>);

/// Calls a stub right here.
class direct_call final : public detail::invocation {
public:
    direct_call(std::string arguments, std::uintptr_t target)
        : arguments_(std::move(arguments)), target_(target)
    {
    }

    std::string_view arguments() const noexcept override { return arguments_; }
    std::uintptr_t target() const noexcept override { return target_; }
    context& own_context() override { std::abort(); }
    std::string_view process_name() const noexcept override { return "here"; }
    std::vector<int> handed() const override { return {}; }
    void finish(std::string result) override { result_ = std::move(result); }
    void launch(asio::awaitable<std::string>) override {}
    std::exception_ptr failure() const noexcept override { return nullptr; }
    void permit_retry() noexcept override {}
    void carry(std::string) override {}

    const std::optional<std::string>& result() const { return result_; }

private:
    std::string arguments_;
    std::uintptr_t target_;
    std::optional<std::string> result_;
};

template <class R, class F, class... A>
R call_here(F f, A&&... a)
{
    const auto made = detail::make_call(f, std::forward<A>(a)...);
    BOOST_TEST(!made.failure);
    error_code ec;
    const auto found = resolve(made.function, ec);
    BOOST_REQUIRE(!ec);
    direct_call here(made.arguments, found.target);
    found.stub(here);
    BOOST_REQUIRE(here.result().has_value());
    return detail::unpack<R>(*here.result());
}

} // namespace

BOOST_AUTO_TEST_SUITE(function_ref)

BOOST_AUTO_TEST_CASE(resolve_finds_what_make_call_referred_to)
{
    BOOST_TEST(call_here<int>(add, 2, 3) == 5);
    BOOST_TEST(call_here<int>(&add, 2, 3) == 5);
    BOOST_TEST(call_here<std::size_t>(length, "four") == 4u);
    BOOST_TEST(call_here<std::size_t>(append, "ab", "c") == 3u);
    BOOST_TEST(call_here<int>(captureless, 9) == 9);
    BOOST_TEST(call_here<int>([](const int& a, long b) { return a * static_cast<int>(b); }, 3, 4) ==
               12);
    BOOST_TEST(call_here<std::string>(&twice<std::string>, "ab") == "abab");
}

BOOST_AUTO_TEST_CASE(resolve_fails_for_a_stub_that_nobody_registered)
{
    auto made = detail::make_call(add, 1, 2);
    made.function.stub.offset += 1;
    error_code ec;
    BOOST_TEST(resolve(made.function, ec).stub == nullptr);
    BOOST_TEST(ec == error_code(errc::unknown_function));
    BOOST_TEST(!ec.message().empty());
}

BOOST_AUTO_TEST_CASE(resolve_fails_for_a_function_outside_the_code)
{
    auto made = detail::make_call(add, 1, 2);
    static int data = 0;
    const auto base = supervision::module_at(reinterpret_cast<std::uintptr_t>(&data))->base;
    made.function.target.offset = reinterpret_cast<std::uintptr_t>(&data) - base;
    error_code ec;
    resolve(made.function, ec);
    BOOST_TEST(ec == error_code(errc::unknown_function));
    made.function.target.offset = std::uint64_t{1} << 60;
    resolve(made.function, ec);
    BOOST_TEST(ec == error_code(errc::unknown_function));
}

BOOST_AUTO_TEST_CASE(resolve_fails_for_another_program)
{
    auto made = detail::make_call(add, 1, 2);
    made.function.stub.build_id = "another";
    made.function.stub.path = "/nowhere";
    error_code ec;
    resolve(made.function, ec);
    BOOST_TEST(ec == error_code(errc::unknown_function));
}

BOOST_AUTO_TEST_CASE(make_call_names_the_function)
{
    BOOST_TEST(detail::make_call(add, 1, 2).name == "add");
    BOOST_TEST(detail::make_call(twice<int>, 1).name == "twice<int>");
    BOOST_TEST(detail::make_call(captureless, 1).name.starts_with("lambda"));
    const auto local = detail::make_call([](int a) { return a; }, 1).name;
    BOOST_TEST(local.starts_with("lambda in "));
    BOOST_TEST(local.find("make_call_names_the_function") != local.npos);
}

BOOST_AUTO_TEST_CASE(without_parameters_keeps_the_name_alone)
{
    const std::pair<const char*, const char*> rows[] = {
        {"cookie_eater(zproc::context)", "cookie_eater"},
        {"(anonymous namespace)::eat(int)", "eat"},
        {"int kitchen::twice<int>(int)", "kitchen::twice<int>"},
        {"std::vector<int> f<std::pair<int, long>>(int (*)(int))", "f<std::pair<int, long>>"},
        {"main", "main"},
    };
    for (const auto& [signature, name] : rows)
        BOOST_TEST(supervision::without_parameters(signature) == name);
}

BOOST_AUTO_TEST_CASE(symbolize_names_static_functions_of_the_executable)
{
    // A return address lies behind the call: take one inside the function.
    void* const inside[] = {reinterpret_cast<char*>(reinterpret_cast<std::uintptr_t>(&add)) + 2};
    const auto lines = supervision::symbolize(inside);
    BOOST_REQUIRE(lines.size() == 1u);
    BOOST_TEST(lines[0].find("add(int, int)") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
