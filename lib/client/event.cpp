#include <zproc/event.hpp>

#include <ostream>

namespace zproc {

namespace {

std::ostream& print(std::ostream& out, const std::optional<value>& v)
{
    return v ? out << *v : out << "absent";
}

} // namespace

std::ostream& operator<<(std::ostream& out, const event& e)
{
    out << "revision " << e.revision;
    if (e.kind == event_kind::present)
        out << " (present)";
    else if (e.kind == event_kind::resync)
        out << " (resync, " << e.missed << " missed)";
    const char* separator = ": ";
    for (const auto& c : e.changes) {
        out << separator << c.key << ": ";
        if (e.kind == event_kind::change)
            print(out, c.before) << " -> ";
        print(out, c.after);
        separator = ", ";
    }
    return out;
}

} // namespace zproc
