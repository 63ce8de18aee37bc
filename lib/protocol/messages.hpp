#pragma once

#include "protocol/frame.hpp"
#include "protocol/layout.hpp"

#include <zproc/error.hpp>

#include <optional>
#include <string_view>
#include <vector>

/// A plain struct per request and per reply. Decoded strings and values are views into the frame;
/// a value is the bytes of one well-formed MessagePack value within the limits.
///
/// For each struct T: `void encode(buffer&, const T&)` appends the body, and
/// `error_code decode(bytes_view body, T&, const limits& = {})` reads it: malformed_frame,
/// malformed_value, value_too_deep, too_large, empty_namespace.
namespace zproc::protocol {

struct entry {
    std::string_view key;
    bytes_view value;
};

/// A key as it is: its value, and the revision of its namespace that last wrote it (0: absent).
struct present {
    std::string_view key;
    std::uint64_t modified = 0;
    std::optional<bytes_view> value;
};

/// What every mutation carries: its number in the session (from 1, never reused), the number up to
/// which the client has all replies it wants, and the handle that made it (its origin).
struct mutation {
    std::uint64_t number = 0;
    std::uint64_t acknowledged = 0;
    std::uint32_t handle = 0;
};

// ---- reads -------------------------------------------------------------------------------------

struct ping_request {
    static constexpr operation code = operation::ping;
};
struct ping_reply {
    std::uint32_t pid = 0;
    std::int64_t time = 0; ///< the server's, ns since 1970
};

struct get_request {
    static constexpr operation code = operation::get;
    std::string_view name_space;
    std::string_view key;
};
struct get_reply {
    std::uint64_t revision = 0; ///< of the namespace
    std::uint64_t modified = 0; ///< of the key; 0 when absent
    std::optional<bytes_view> value;
};

struct contains_request {
    static constexpr operation code = operation::contains;
    std::string_view name_space;
    std::string_view key;
};
struct contains_reply {
    bool found = false;
};

struct size_request {
    static constexpr operation code = operation::size;
    std::string_view name_space;
};
struct size_reply {
    std::uint64_t size = 0;
};

struct keys_request {
    static constexpr operation code = operation::keys;
    std::string_view name_space;
};
struct keys_reply {
    std::uint64_t revision = 0;
    std::vector<std::string_view> keys;
};

struct snapshot_request {
    static constexpr operation code = operation::snapshot;
    std::string_view name_space;
    std::uint64_t turn = 0; ///< for whoever has that turn: from now on it protects all of this
};
struct snapshot_reply {
    std::uint64_t revision = 0;
    std::vector<present> items;
};

/// Some keys at one revision: what an atomic function is about to read.
struct read_request {
    static constexpr operation code = operation::read;
    std::string_view name_space;
    std::vector<std::string_view> keys;
    std::uint64_t turn = 0; ///< for whoever has that turn: from now on it protects these, too
};
struct read_reply {
    std::uint64_t revision = 0;
    std::vector<present> items; ///< in the order asked, absent ones too
};

/// Who opened a session. Refused with no_such_key when it has ended.
struct who_request {
    static constexpr operation code = operation::who;
    std::uint64_t session = 0;
};
struct who_reply {
    std::uint32_t pid = 0;
    std::string_view name;
};

struct namespaces_request {
    static constexpr operation code = operation::namespaces;
};
struct namespace_facts {
    std::string_view name;
    std::uint64_t revision = 0;
    std::uint64_t size = 0;
};
struct namespaces_reply {
    std::vector<namespace_facts> namespaces;
};

// ---- wake-ups ----------------------------------------------------------------------------------

/// Wake me when one of these keys (none: any) of the namespace changes. `id` is the client's;
/// registering it again replaces what it stood for.
struct watch_request {
    static constexpr operation code = operation::watch;
    std::uint64_t id = 0;
    std::string_view name_space;
    std::vector<std::string_view> keys;
};
/// The present of the namespace when the interest was registered.
struct watch_reply {
    std::uint64_t revision = 0;
    std::uint64_t epoch = 0;
    std::uint64_t head = 0;   ///< position in the ring of that epoch
    std::uint64_t commit = 0; ///< commit number of the instance
};

struct unwatch_request {
    static constexpr operation code = operation::unwatch;
    std::uint64_t id = 0;
};
struct empty_reply {};

/// Sent together with one descriptor, the client's own eventfd (SCM_RIGHTS on the first byte of
/// the frame or later, before its end). The reply comes with three: ring, control page, shared
/// eventfd, in this order. Asked again after the generation changed, without a descriptor.
struct attach_request {
    static constexpr operation code = operation::attach;
    bool with_eventfd = false;
};
struct attach_reply {
    std::uint64_t epoch = 0;
    std::uint64_t generation = 0;
    std::uint64_t ring_bytes = 0; ///< the whole file, header page included
};
inline constexpr std::size_t attach_descriptors = 3;

// ---- turns -------------------------------------------------------------------------------------

/// A ticket for a turn: a while in which nobody else changes what is read here. Answered when the
/// turn begins, or when it was ended before that.
struct turn_request {
    static constexpr operation code = operation::turn;
    std::uint64_t id = 0; ///< of the client's, never 0, of one ticket at a time
    std::string_view name_space;
    std::vector<std::string_view> keys; ///< what the function has read …
    bool scanned = false;               ///< … or everything
    /// ns that the client needs, from having values to the reply to its commit.
    std::uint64_t round_trip = 0;
};
struct turn_reply {
    std::uint64_t lease = 0; ///< ns from now; 0: it is over, nothing is protected
    bool whole = false;      ///< `items` is all there is, and all is protected
    std::uint64_t revision = 0;
    std::vector<present> items; ///< the keys asked for as they are, absent ones too
    bool crowded = false;       ///< it had to wait for others, or others wait for it
};

/// The turn is over, or not wanted any more. Answered with an empty_reply, also when there is none.
struct end_turn_request {
    static constexpr operation code = operation::end_turn;
    std::uint64_t id = 0;
};

// ---- mutations ---------------------------------------------------------------------------------

struct set_request {
    static constexpr operation code = operation::set;
    mutation by;
    std::string_view name_space;
    std::string_view key;
    bytes_view value;
};

struct erase_request {
    static constexpr operation code = operation::erase;
    mutation by;
    std::string_view name_space;
    std::vector<std::string_view> keys;
};

struct update_request {
    static constexpr operation code = operation::update;
    mutation by;
    std::string_view name_space;
    std::vector<entry> entries;
};

struct replace_request {
    static constexpr operation code = operation::replace;
    mutation by;
    std::string_view name_space;
    std::vector<entry> entries;
};

struct clear_request {
    static constexpr operation code = operation::clear;
    mutation by;
    std::string_view name_space;
};

struct pop_request {
    static constexpr operation code = operation::pop;
    mutation by;
    std::string_view name_space;
    std::string_view key;
};

struct pop_item_request {
    static constexpr operation code = operation::pop_item;
    mutation by;
    std::string_view name_space;
};

struct set_default_request {
    static constexpr operation code = operation::set_default;
    mutation by;
    std::string_view name_space;
    std::string_view key;
    bytes_view value;
};

/// `amount` is an integer or a double; a missing key counts as 0. Used for decrement too.
struct increment_request {
    operation code = operation::increment;
    mutation by;
    std::string_view name_space;
    std::string_view key;
    bytes_view amount;
};

/// Adds one element to a list; a missing key counts as an empty list.
struct append_request {
    static constexpr operation code = operation::append;
    mutation by;
    std::string_view name_space;
    std::string_view key;
    bytes_view value;
};

/// nullopt is "absent", on both sides.
struct compare_exchange_request {
    static constexpr operation code = operation::compare_exchange;
    mutation by;
    std::string_view name_space;
    std::string_view key;
    std::optional<bytes_view> expected;
    std::optional<bytes_view> desired;
};

struct read_stamp {
    std::string_view key;
    std::uint64_t modified = 0; ///< 0: was absent
};
struct write {
    std::string_view key;
    std::optional<bytes_view> value; ///< nullopt: erase
};

/// To what a key holds when it is applied; a missing one counts as 0.
struct addition {
    std::string_view key;
    bytes_view amount; ///< an integer or a double
};

/// A transaction: applied when every key read still has the revision it was read at, after a scan
/// the namespace has, and what is added can be. Otherwise errc::conflict, with a conflict_reply as
/// body. A key is written or added to, once; else the last counts, additions after writes.
struct commit_request {
    static constexpr operation code = operation::commit;
    mutation by;
    std::string_view name_space;
    std::optional<std::uint64_t> scanned; ///< the namespace's revision when it was iterated
    std::vector<read_stamp> reads;
    std::vector<write> writes;
    std::uint64_t turn = 0; ///< the turn that ends with this, if it succeeds
    std::vector<addition> additions = {};
};
struct conflict_reply {
    std::uint64_t revision = 0;
    bool scan_failed = false; ///< take a new snapshot; `items` still holds the keys read
    /// Every key read, as it is now, and those that what was to be added cannot be added to.
    std::vector<present> items;
};

/// The reply of every mutation. What the result means depends on the operation:
///
/// | operation | result |
/// |---|---|
/// | set, update, replace, commit | none |
/// | erase, clear | how many keys went |
/// | pop | the value, or none when the key was absent |
/// | pop_item | an entry, or none when empty |
/// | set_default | the value that is there now |
/// | increment, decrement | the new value |
/// | append | the new length |
/// | compare_exchange | an exchange_result |
struct mutation_reply {
    std::uint64_t revision = 0; ///< the one made; the present one when nothing changed
    bool made = false;          ///< a revision was made
    std::optional<bytes_view> result;
};
/// `result` of compare_exchange and pop_item, taken apart.
struct exchange_result {
    bool exchanged = false;
    std::optional<bytes_view> found; ///< the value before; nullopt when the key was absent
};

#define ZPROC_PROTOCOL_MESSAGE(T)                                                                  \
    void encode(buffer& out, const T& message);                                                    \
    error_code decode(bytes_view body, T& message, const limits& within = {});

ZPROC_PROTOCOL_MESSAGE(ping_request)
ZPROC_PROTOCOL_MESSAGE(ping_reply)
ZPROC_PROTOCOL_MESSAGE(get_request)
ZPROC_PROTOCOL_MESSAGE(get_reply)
ZPROC_PROTOCOL_MESSAGE(contains_request)
ZPROC_PROTOCOL_MESSAGE(contains_reply)
ZPROC_PROTOCOL_MESSAGE(size_request)
ZPROC_PROTOCOL_MESSAGE(size_reply)
ZPROC_PROTOCOL_MESSAGE(keys_request)
ZPROC_PROTOCOL_MESSAGE(keys_reply)
ZPROC_PROTOCOL_MESSAGE(snapshot_request)
ZPROC_PROTOCOL_MESSAGE(snapshot_reply)
ZPROC_PROTOCOL_MESSAGE(read_request)
ZPROC_PROTOCOL_MESSAGE(read_reply)
ZPROC_PROTOCOL_MESSAGE(who_request)
ZPROC_PROTOCOL_MESSAGE(who_reply)
ZPROC_PROTOCOL_MESSAGE(namespaces_request)
ZPROC_PROTOCOL_MESSAGE(namespaces_reply)
ZPROC_PROTOCOL_MESSAGE(watch_request)
ZPROC_PROTOCOL_MESSAGE(watch_reply)
ZPROC_PROTOCOL_MESSAGE(unwatch_request)
ZPROC_PROTOCOL_MESSAGE(empty_reply)
ZPROC_PROTOCOL_MESSAGE(attach_request)
ZPROC_PROTOCOL_MESSAGE(attach_reply)
ZPROC_PROTOCOL_MESSAGE(turn_request)
ZPROC_PROTOCOL_MESSAGE(turn_reply)
ZPROC_PROTOCOL_MESSAGE(end_turn_request)
ZPROC_PROTOCOL_MESSAGE(set_request)
ZPROC_PROTOCOL_MESSAGE(erase_request)
ZPROC_PROTOCOL_MESSAGE(update_request)
ZPROC_PROTOCOL_MESSAGE(replace_request)
ZPROC_PROTOCOL_MESSAGE(clear_request)
ZPROC_PROTOCOL_MESSAGE(pop_request)
ZPROC_PROTOCOL_MESSAGE(pop_item_request)
ZPROC_PROTOCOL_MESSAGE(set_default_request)
ZPROC_PROTOCOL_MESSAGE(increment_request)
ZPROC_PROTOCOL_MESSAGE(append_request)
ZPROC_PROTOCOL_MESSAGE(compare_exchange_request)
ZPROC_PROTOCOL_MESSAGE(commit_request)
ZPROC_PROTOCOL_MESSAGE(conflict_reply)
ZPROC_PROTOCOL_MESSAGE(mutation_reply)

#undef ZPROC_PROTOCOL_MESSAGE

error_code decode_result(bytes_view result, exchange_result& out);
error_code decode_result(bytes_view result, entry& out); ///< of pop_item
error_code decode_result(bytes_view result, std::uint64_t& out);

/// A whole request or successful reply.
template <class Request>
void write_request(buffer& out, std::uint32_t correlation, const Request& request)
{
    const auto at = begin_frame(out, correlation, request.code);
    encode(out, request);
    end_frame(out, at);
}

template <class Reply>
void write_reply(buffer& out, std::uint32_t correlation, operation code, const Reply& reply)
{
    const auto at = begin_frame(out, correlation, code);
    encode(out, reply);
    end_frame(out, at);
}

} // namespace zproc::protocol
