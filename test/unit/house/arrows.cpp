#include "arrows.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <sstream>

namespace zproc::test {
namespace {

/// An #include: "room/file.hpp" or <header>.
struct inclusion {
    std::string target;
    bool quoted = false;
};

std::vector<std::string_view> lines_of(std::string_view text)
{
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

std::vector<std::string> words_of(std::string_view text)
{
    std::istringstream in{std::string(text)};
    std::vector<std::string> words;
    for (std::string word; in >> word;)
        words.push_back(word);
    return words;
}

std::vector<inclusion> inclusions_of(std::string_view text)
{
    std::vector<inclusion> found;
    for (std::string_view line : lines_of(text)) {
        const auto skip_blanks = [&] {
            line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        };
        skip_blanks();
        if (!line.starts_with('#'))
            continue;
        line.remove_prefix(1);
        skip_blanks();
        if (!line.starts_with("include"))
            continue;
        line.remove_prefix(7);
        skip_blanks();
        if (line.empty() || (line[0] != '"' && line[0] != '<'))
            continue;
        const auto end = line.find(line[0] == '"' ? '"' : '>', 1);
        if (end != std::string_view::npos)
            found.push_back({std::string(line.substr(1, end - 1)), line[0] == '"'});
    }
    return found;
}

bool matches(std::string_view pattern, std::string_view text)
{
    if (pattern.empty())
        return text.empty();
    if (pattern[0] == '*') {
        for (std::size_t i = 0; i <= text.size(); ++i) {
            if (matches(pattern.substr(1), text.substr(i)))
                return true;
        }
        return false;
    }
    return !text.empty() && pattern[0] == text[0] && matches(pattern.substr(1), text.substr(1));
}

std::string without_ending(std::string_view path)
{
    return std::string(path.substr(0, path.rfind('.')));
}

/// "lib/store/database.cpp" → "store", "lib/error.cpp" → "error".
std::string room_of(std::string_view below_lib)
{
    const auto slash = below_lib.find('/');
    return slash == std::string_view::npos ? without_ending(below_lib)
                                           : std::string(below_lib.substr(0, slash));
}

/// What a pure file must not reach; empty when the header is allowed.
std::string impurity(std::string_view header)
{
    for (const char* library : {"boost/asio", "boost/interprocess", "boost/process"}) {
        if (header.starts_with(library))
            return "an I/O library";
    }
    static constexpr std::array system{"thread", "mutex",   "condition_variable",
                                       "future", "fstream", "filesystem",
                                       "ctime",  "csignal"};
    if (std::ranges::find(system, header) != system.end())
        return "the operating system";
    // Intrinsics are of the processor, not of the system.
    const bool processor = header.ends_with("intrin.h") || header == "cpuid.h";
    // Nor is arithmetic on bytes.
    const bool arithmetic = header.starts_with("openssl/");
    if (header.ends_with(".h") && !header.starts_with("boost/") && !processor && !arithmetic)
        return "POSIX";
    return {};
}

std::string impure_call(std::string_view text)
{
    for (const char* call :
         {"_clock::now(", "std::time(", "std::random_device", "getenv(", "std::this_thread"}) {
        if (text.find(call) != std::string_view::npos)
            return call;
    }
    return {};
}

class inspection {
public:
    inspection(const house_rules& rules, const std::vector<source_file>& files) : rules_(rules)
    {
        for (const auto& file : files) {
            texts_.emplace(file.path, file.text);
            inclusions_.emplace(file.path, inclusions_of(file.text));
        }
    }

    std::vector<std::string> run()
    {
        for (const auto& [path, text] : texts_) {
            check_length(path, text);
            if (path.starts_with("include/"))
                check_public(path);
            else if (path.starts_with("lib/"))
                check_room(path, path.substr(4));
        }
        return std::move(found_);
    }

private:
    void check_length(const std::string& path, std::string_view text)
    {
        if (const auto lines = lines_of(text).size(); lines > longest_file) {
            found_.push_back(path + ": " + std::to_string(lines) + " lines, more than " +
                             std::to_string(longest_file));
        }
    }

    void check_public(const std::string& path)
    {
        for (const auto& [target, quoted] : inclusions_.at(path)) {
            if (quoted)
                found_.push_back(path + ": a public header includes \"" + target + "\"");
            else if (target.starts_with("zproc") && !texts_.contains("include/" + target))
                found_.push_back(path + ": <" + target + "> is not a public header");
        }
    }

    void check_room(const std::string& path, const std::string& below_lib)
    {
        const std::string room = room_of(below_lib);
        const auto allowed = rules_.below.find(room);
        if (allowed == rules_.below.end()) {
            found_.push_back(path + ": lib/arrows.txt has no room '" + room + "'");
            return;
        }
        for (const auto& [target, quoted] : inclusions_.at(path)) {
            if (quoted)
                check_arrow(path, room, allowed->second, target);
            else
                check_blind(path, room, target);
        }
        if (is_pure(below_lib))
            check_pure(path);
    }

    void check_arrow(const std::string& path, const std::string& room,
                     const std::set<std::string>& allowed, const std::string& target)
    {
        const std::string other = room_of(target);
        if (target.find('/') == std::string::npos && !texts_.contains("lib/" + target))
            found_.push_back(path + ": \"" + target + "\" does not name its room");
        else if (other != room && !allowed.contains(other))
            found_.push_back(path + ": no arrow goes from " + room + " to " + other + " (\"" +
                             target + "\")");
    }

    void check_blind(const std::string& path, const std::string& room, const std::string& target)
    {
        const auto blind = rules_.blind.find(room);
        if (blind == rules_.blind.end() || !target.starts_with("zproc/"))
            return;
        if (blind->second.contains(without_ending(target.substr(6))))
            found_.push_back(path + ": " + room + " must know nothing of <" + target + ">");
    }

    bool is_pure(const std::string& below_lib) const
    {
        bool pure = false;
        const std::string name = without_ending(below_lib);
        for (std::string_view pattern : rules_.pure) {
            const bool takes_out = pattern.starts_with('!');
            if (matches(pattern.substr(takes_out ? 1 : 0), name))
                pure = !takes_out;
        }
        return pure;
    }

    void check_pure(const std::string& path)
    {
        std::set<std::string> seen;
        follow(path, path, seen);
        if (const auto call = impure_call(texts_.at(path)); !call.empty())
            found_.push_back(path + ": is pure, and calls " + call);
    }

    /// True when it has found something: one way to it is enough.
    bool follow(const std::string& path, const std::string& way, std::set<std::string>& seen)
    {
        if (!seen.insert(path).second)
            return false;
        for (const auto& [target, quoted] : inclusions_.at(path)) {
            if (const auto next = resolve(target, quoted)) {
                if (follow(*next, way + " → " + target, seen))
                    return true;
            } else if (const auto what = impurity(target); !what.empty()) {
                found_.push_back(way + ": is pure, and reaches " + what + " (<" + target + ">)");
                return true;
            }
        }
        return false;
    }

    std::optional<std::string> resolve(const std::string& target, bool quoted) const
    {
        std::string path = (quoted ? "lib/" : "include/") + target;
        return texts_.contains(path) ? std::optional(std::move(path)) : std::nullopt;
    }

    const house_rules& rules_;
    std::map<std::string, std::string_view> texts_;
    std::map<std::string, std::vector<inclusion>> inclusions_;
    std::vector<std::string> found_;
};

/// Rooms that lie below themselves.
void check_rules(const house_rules& rules, std::vector<std::string>& found)
{
    for (const auto& [room, below] : rules.below) {
        std::set<std::string> reached;
        const std::function<void(const std::string&)> descend = [&](const std::string& from) {
            const auto next = rules.below.find(from);
            if (next == rules.below.end()) {
                found.push_back("lib/arrows.txt: '" + from + "' is named, but is no room");
                return;
            }
            for (const auto& to : next->second) {
                if (reached.insert(to).second)
                    descend(to);
            }
        };
        descend(room);
        if (reached.contains(room))
            found.push_back("lib/arrows.txt: arrows lead from " + room + " back to itself");
    }
}

} // namespace

house_rules house_rules::parse(std::string_view text)
{
    house_rules rules;
    for (std::string_view line : lines_of(text)) {
        line = line.substr(0, line.find('#'));
        const auto colon = line.find(':');
        if (colon == std::string_view::npos)
            continue;
        const std::string_view head = line.substr(0, colon);
        const auto words = words_of(line.substr(colon + 1));
        if (head == "pure")
            rules.pure.insert(rules.pure.end(), words.begin(), words.end());
        else if (head == "blind" && !words.empty())
            rules.blind[words.front()].insert(words.begin() + 1, words.end());
        else
            rules.below[std::string(head)].insert(words.begin(), words.end());
    }
    return rules;
}

std::vector<std::string> violations(const house_rules& rules, const std::vector<source_file>& files)
{
    std::vector<std::string> found = inspection(rules, files).run();
    check_rules(rules, found);
    return found;
}

} // namespace zproc::test
