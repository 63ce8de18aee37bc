#include <zproc/detail/temporary.hpp>
#include <zproc/value.hpp>

#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>

using zproc::detail::safe_temporary;

namespace {

struct trivial {
    int number;
};
struct aggregate {
    std::string text;
};
class closed {
public:
    closed() = default;
    std::string text;
};

[[maybe_unused]] const auto captureless = [] {};
[[maybe_unused]] const auto by_value = [text = std::string()] {};
int number = 0;
[[maybe_unused]] const auto by_trivial = [copy = &number] { return copy; };
template <class T>
struct around {
    explicit around(T inner) : inner_(std::move(inner)) {}
    T inner_;
};

static_assert(safe_temporary<int> && safe_temporary<trivial> && safe_temporary<closed>);
static_assert(safe_temporary<std::string> && safe_temporary<std::function<void()>>);
static_assert(safe_temporary<zproc::value> && safe_temporary<zproc::dict>);
static_assert(safe_temporary<zproc::value_ref> && safe_temporary<zproc::object>);
static_assert(safe_temporary<const char (&)[3]> && safe_temporary<aggregate&>);
static_assert(safe_temporary<const decltype(by_value)&>);
static_assert(safe_temporary<decltype(captureless)> && safe_temporary<decltype(by_trivial)>);
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ <= 12 && !defined(ZPROC_NO_TEMPORARY_GUARD)
static_assert(!safe_temporary<aggregate> && !safe_temporary<const aggregate>);
static_assert(!safe_temporary<decltype(by_value)>);
static_assert(safe_temporary<around<decltype(by_value)>>);
#endif

} // namespace

BOOST_AUTO_TEST_SUITE(temporary)

BOOST_AUTO_TEST_CASE(check_tells_unsafe_temporaries_at_compile_time)
{
    const auto within_a_function = [text = std::make_unique<int>()] {};
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ <= 12 && !defined(ZPROC_NO_TEMPORARY_GUARD)
    BOOST_TEST(!safe_temporary<decltype(within_a_function)>);
#endif
    BOOST_TEST(safe_temporary<decltype((within_a_function))>);
}

BOOST_AUTO_TEST_SUITE_END()
