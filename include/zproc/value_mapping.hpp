#pragma once

namespace zproc {

/// How a user's type becomes a value, and is read from one: specialise it, and the type works
/// wherever values do, also inside vectors, maps and optionals.
///
///     template <>
///     struct zproc::value_mapping<point> {
///         static value to_value(const point& p) { return dict::of("x", p.x, "y", p.y); }
///         static point from_value(const value& v)
///         {
///             return {v["x"].get<double>(), v["y"].get<double>()};
///         }
///     };
///
/// For classes and enums. It goes before everything else that zproc knows of the type: a
/// `serialize`, being a range, being a number. What it makes is plain data that people, watchers
/// and other languages can read, whereas an `object` is closed to all but the same program.
/// `from_value` is not called for what is absent: that is `errc::no_such_key`.
///
/// Must be declared before anything asks whether the type is storable. `zproc/json.hpp` gives one
/// to every type that Boost.JSON can convert.
///
/// Errors: a `system_error` of zproc's keeps its code, and its text says within which type it was;
/// any other `std::exception` becomes `errc::malformed_value`. `bad_alloc` passes.
/// Thread safety: may be called from any thread.
/// Example file: example/typed_values.cpp
template <class T>
struct value_mapping;

} // namespace zproc
