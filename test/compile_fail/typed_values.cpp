// Types as values: what cannot be read, what is no mapping, and what g++ 12 gets wrong of them.
// refused 1: a value_mapping<T> needs a static value to_value\(const T&\)
// refused 2: a value_mapping<T> needs a static T from_value\(const value&\)
// refused 3: a type read from a value must be default-constructible
// refused 4: a type read from the state must be default-constructible
// refused 5: this type cannot be read from a value
// refused 6: this type cannot be read from a value
// refused 7: this type cannot be read from a value
// refused 8: this type cannot be read from a value
// refused 9: not char, and no pointers
// refused 10: not char, and no pointers
// refused 11: not char, and no pointers
// refused 12: (name it first|only g\+\+ 12)
// refused 13: (name it first|only g\+\+ 12)
// refused 14: (name it first|only g\+\+ 12)
// refused 15: (name it first|only g\+\+ 12)
// refused 16: (name it first|only g\+\+ 12)
// refused 17: (name it first|only g\+\+ 12)
#include "refused_forms.hpp"

#include <zproc/json.hpp>

#include <boost/describe/class.hpp>

#include <string_view>
#include <vector>

/// A mapping of a user's aggregate.
struct address {
    std::string street;
};

/// What Boost.JSON converts, in both directions and in one.
struct person {
    std::string name;
};
BOOST_DESCRIBE_STRUCT(person, (), (name))

struct sink {
    friend void tag_invoke(boost::json::value_from_tag, boost::json::value& to, const sink&)
    {
        to = nullptr;
    }
};

struct mute {};
struct blind {};

class strict {
public:
    explicit strict(int) {}
};

namespace zproc {

template <>
struct value_mapping<address> {
    static value to_value(const address& a) { return a.street; }
    static address from_value(const value& v) { return {v.get<std::string>()}; }
};
template <>
struct value_mapping<mute> {
    static mute from_value(const value&) { return {}; }
};
template <>
struct value_mapping<blind> {
    static value to_value(const blind&) { return {}; }
};
template <>
struct value_mapping<strict> {
    static value to_value(const strict&) { return 1; }
    static strict from_value(const value&) { return strict(1); }
};

} // namespace zproc

asio::awaitable<void> form(zproc::state state)
{
    [[maybe_unused]] const zproc::value v = 1;
    [[maybe_unused]] const mute m;
    [[maybe_unused]] const sink s;
    [[maybe_unused]] const address named{"x"};
    const job other{1, "x"};
#ifdef CONTROL
    co_await state.set("k", named);
    co_await state.set("k", strict(1));
    static_cast<void>(co_await state.get<address>("k"));
    static_cast<void>(co_await state.get_or("k", named));
    static_cast<void>(co_await state.get<std::vector<person>>("k"));
    co_await state.update(zproc::dict::of("a", other, "b", named));
    co_await state.update(zproc::dict{}.with("a", other));
    co_await state.set("k", zproc::list_of(other, named));
    static_cast<void>(v.get<std::string>());
#elif REFUSED == 1
    co_await state.set("k", m);
#elif REFUSED == 2
    co_await state.get<blind>("k");
#elif REFUSED == 3
    v.get<strict>();
#elif REFUSED == 4
    co_await state.get<strict>("k");
#elif REFUSED == 5
    v.get<char>();
#elif REFUSED == 6
    co_await state.get<const char*>("k");
#elif REFUSED == 7
    v.get<std::string_view>(); // would dangle
#elif REFUSED == 8
    co_await state.get<sink>("k");
#elif REFUSED == 9
    co_await state.set("k", s); // could not be read again
#elif REFUSED == 10
    co_await state.set("k", std::vector<char>(3));
#elif REFUSED == 11
    co_await state.set("k", &named);
#elif !ONLY_OLD_GCC
#error "only g++ 12"
#elif REFUSED == 12
    co_await state.set("k", address{"x"});
#elif REFUSED == 13
    static_cast<void>(co_await state.get_or("k", address{"x"}));
#elif REFUSED == 14
    co_await state.set("k", person{"x"});
#elif REFUSED == 15
    co_await state.update(zproc::dict::of("a", job{1, "x"}));
#elif REFUSED == 16
    co_await state.set("k", zproc::list_of(1, job{1, "x"}));
#elif REFUSED == 17
    co_await state.update(zproc::dict{}.with("a", address{"x"}));
#endif
}
