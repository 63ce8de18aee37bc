#include <zproc/state.hpp>

#include <utility>

namespace zproc {

void keys::reserve(std::size_t count)
{
    names_.reserve(count);
}

void keys::add(std::string name)
{
    names_.push_back(std::move(name));
}

watcher state_watches::watch(detail::watch_condition&& c, const watch_options& options) const
{
    return watcher(identity()->engine->watch(*identity(), std::move(c), options));
}

watcher state_watches::change_of(zproc::keys names, const watch_options& options) const
{
    return watch(detail::change_of_keys(std::move(names).release()), options);
}

watcher state_watches::condition_of(std::string key, test which, value expected,
                                    const watch_options& options) const
{
    return watch(
        detail::condition_of_key(std::move(key), detail::test_of(which, std::move(expected))),
        options);
}

} // namespace zproc

namespace zproc::detail {

request::request(operation o, std::string k, value a, value b)
    : what(o), key(std::move(k)), first(std::move(a)), second(std::move(b))
{
}

request::request(const request& other) = default;
request::request(request&& other) noexcept = default;
request::~request() = default;

} // namespace zproc::detail
