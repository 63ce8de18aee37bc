// Types of one's own in the state: closed to all but this program, or plain data for everybody.
#include <zproc.hpp>
#include <zproc/json.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/describe/class.hpp>
#include <boost/serialization/vector.hpp>

#include <iostream>
#include <string>
#include <vector>

namespace asio = boost::asio;

// [types
/// With a `serialize` it is an object: an archive that only this program reads.
struct recipe {
    std::string name;
    std::vector<double> grams;

    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & name & grams;
    }
};

/// What Boost.JSON converts (zproc/json.hpp) is a dict: people, watchers and other languages read
/// it, and change a part of it.
struct order {
    std::string customer;
    int loaves = 0;
    std::vector<std::string> extras;
};
BOOST_DESCRIBE_STRUCT(order, (), (customer, loaves, extras))

/// With a mapping of its own it is whatever one likes: here, a number of seconds.
struct baking_time {
    int minutes = 0;
};

template <>
struct zproc::value_mapping<baking_time> {
    static value to_value(const baking_time& t) { return 60 * t.minutes; }
    static baking_time from_value(const value& v) { return {v.get<int>() / 60}; }
};
// types]

asio::awaitable<void> bakery(zproc::context ctx)
{
    auto state = ctx.state();
    const recipe rye{"rye", {500, 350, 10}};
    const order first{"Ann", 2, {"sliced"}};
    co_await state.set("recipe", rye);
    co_await state.set("order", first);
    co_await state.set("time", baking_time{50});

    std::cout << "recipe: " << to_string((co_await state.get("recipe")).kind()) << '\n';
    std::cout << "order: " << co_await state.get("order") << '\n';
    std::cout << "time: " << co_await state.get("time") << '\n';

    // They come back as what they were, and one by one inside containers.
    const auto read = co_await state.get<recipe>("recipe");
    std::cout << read.name << " of " << read.grams[0] << " g flour, baked for "
              << (co_await state.get<baking_time>("time")).minutes << " minutes\n";
    co_await state.append("orders", first);
    co_await state.atomic([](zproc::draft& d) { d["orders"][0]["loaves"] += 1; });
    for (const auto& each : co_await state.get<std::vector<order>>("orders"))
        std::cout << each.customer << ": " << each.loaves << " loaves\n";

    // What is no order says so, and where.
    co_await state.append("orders", "two, please");
    try {
        static_cast<void>((co_await state.get("orders")).get<std::vector<order>>());
    } catch (const zproc::system_error& e) {
        std::cout << e.what() << '\n';
    }
}

int main()
{
    return zproc::run(bakery);
}
