#include "initiating.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <vector>

namespace zproc::test {

namespace {

/// Names, and single characters for everything else; no comments, literals or directives.
std::vector<std::string> tokens(std::string_view text)
{
    std::vector<std::string> found;
    bool line_start = true;
    for (std::size_t i = 0; i < text.size();) {
        const auto c = static_cast<unsigned char>(text[i]);
        const auto skip_past = [&](std::string_view end) {
            const auto at = text.find(end, i + 1);
            i = at == text.npos ? text.size() : at + end.size();
        };
        if (c == '\n') {
            line_start = true;
            ++i;
        } else if (std::isspace(c)) {
            ++i;
        } else if (text.substr(i, 2) == "//" || (c == '#' && line_start)) {
            i = std::min(text.find('\n', i), text.size());
        } else if (text.substr(i, 2) == "/*") {
            skip_past("*/");
        } else if (c == '"' || c == '\'') {
            do
                skip_past(std::string_view(&text[i], 1));
            while (i < text.size() && text[i - 2] == '\\');
        } else if (std::isalnum(c) || c == '_') {
            const auto from = i;
            while (i < text.size() &&
                   (std::isalnum(static_cast<unsigned char>(text[i])) || text[i] == '_'))
                ++i;
            found.emplace_back(text.substr(from, i - from));
            line_start = false;
        } else {
            found.emplace_back(1, static_cast<char>(c));
            ++i;
            line_start = false;
        }
    }
    return found;
}

struct scope {
    std::string name; ///< of a class; empty for a namespace
    bool open = true; ///< users reach what is declared here
};

using words = std::vector<std::string>;

bool has(const words& all, std::string_view word)
{
    return std::ranges::find(all, word) != all.end();
}

/// The name before the first parenthesis of a declaration; "operator()" for that.
std::string name_of(const words& declaration)
{
    int angles = 0;
    for (std::size_t i = 1; i < declaration.size(); ++i) {
        angles += declaration[i] == "<";
        angles -= declaration[i] == ">" && declaration[i - 1] != "-";
        if (declaration[i] != "(" || angles > 0)
            continue;
        const auto& before = declaration[i - 1];
        if (before == "operator")
            return "operator()";
        if (before != "requires" && before != "explicit" && before != "noexcept")
            return before;
    }
    return {};
}

/// Where the body or the template head that begins at `i` ends: past its closing bracket.
std::size_t past(const words& all, std::size_t i, std::string_view open, std::string_view close)
{
    int depth = 0;
    for (; i < all.size(); ++i) {
        depth += all[i] == open;
        if (all[i] == close && !(close == ">" && all[i - 1] == "-") && --depth == 0)
            return i + 1;
    }
    return i;
}

bool takes_a_token(const words& heads, const words& declaration)
{
    const auto mentions = [&](std::string_view word) {
        return has(heads, word) || has(declaration, word);
    };
    if (mentions("completion_token_for") || mentions("ending_for") || mentions("CompletionToken") ||
        mentions("completion_handler_for") || mentions("any_completion_handler") ||
        has(declaration, "Token"))
        return true;
    // What is to be awaited must not be forgotten; a pack may end in a token.
    return has(declaration, "nodiscard") && has(declaration, "auto") && has(declaration, "Args");
}

} // namespace

std::set<std::string> initiating_functions(std::string_view header)
{
    const auto all = tokens(header);
    std::set<std::string> found;
    std::vector<scope> scopes;
    words heads; ///< template parameters of the declaration at hand
    words declaration;
    const auto open = [&] {
        return std::ranges::all_of(scopes, [](const scope& s) { return s.open; });
    };
    const auto end_declaration = [&] {
        const auto name = name_of(declaration);
        const bool forgotten = has(declaration, "friend") || has(declaration, "using");
        if (!name.empty() && !forgotten && open() && takes_a_token(heads, declaration)) {
            const bool member = !scopes.empty() && !scopes.back().name.empty();
            found.insert(member ? scopes.back().name + "::" + name : name);
        }
        heads.clear();
        declaration.clear();
    };
    for (std::size_t i = 0; i < all.size();) {
        const auto& word = all[i];
        if (word == "template" && i + 1 < all.size() && all[i + 1] == "<") {
            const auto end = past(all, i + 1, "<", ">");
            heads.insert(heads.end(), all.begin() + static_cast<std::ptrdiff_t>(i),
                         all.begin() + static_cast<std::ptrdiff_t>(end));
            i = end;
        } else if (word == "(") { // default arguments may hold braces
            const auto end = past(all, i, "(", ")");
            declaration.insert(declaration.end(), all.begin() + static_cast<std::ptrdiff_t>(i),
                               all.begin() + static_cast<std::ptrdiff_t>(end));
            i = end;
        } else if ((word == "public" || word == "protected" || word == "private") &&
                   i + 1 < all.size() && all[i + 1] == ":" && declaration.empty()) {
            if (!scopes.empty())
                scopes.back().open = word == "public";
            i += 2;
        } else if (word == "{") {
            const bool is_class = has(declaration, "class") || has(declaration, "struct");
            const bool call = has(declaration, "(");
            if (has(declaration, "namespace")) {
                // Helpers are not for users.
                scopes.push_back({"", !has(declaration, "detail") && !has(declaration, "impl")});
                declaration.clear();
                heads.clear();
                ++i;
            } else if (is_class && !call && !has(declaration, "enum")) {
                const auto key = std::ranges::find_if(
                    declaration, [](const auto& w) { return w == "class" || w == "struct"; });
                auto name = std::ranges::find_if(key + 1, declaration.end(), [](const auto& w) {
                    return (std::isalpha(static_cast<unsigned char>(w[0])) || w[0] == '_') &&
                           w != "nodiscard";
                });
                scopes.push_back({name == declaration.end() ? "?" : *name, *key == "struct"});
                declaration.clear();
                heads.clear();
                ++i;
            } else {
                end_declaration();
                i = past(all, i, "{", "}");
            }
        } else if (word == "}") {
            if (!scopes.empty())
                scopes.pop_back();
            declaration.clear();
            heads.clear();
            ++i;
        } else if (word == ";") {
            end_declaration();
            ++i;
        } else {
            declaration.push_back(word);
            ++i;
        }
    }
    return found;
}

std::set<std::string> rows_of_table(std::string_view text)
{
    // struct <row> : <base> { … name = "<name>" …; rows without a name have that of their base.
    std::map<std::string, std::string, std::less<>> names;
    for (std::size_t at = 0; (at = text.find("struct ", at)) != text.npos;) {
        at += 7;
        const auto row = text.substr(at, text.find_first_of(" \n", at) - at);
        const auto body = text.substr(at, text.find("\n};", at) - at);
        constexpr std::string_view key = "name = \"";
        if (const auto name = body.find(key); name != body.npos) {
            const auto from = name + key.size();
            names[std::string(row)] = body.substr(from, body.find('"', from) - from);
        }
    }
    std::set<std::string> found;
    for (auto list = text.find("_rows ="); list != text.npos; list = text.find("_rows =", list + 1))
        for (const auto& word : tokens(text.substr(list, text.find(';', list) - list)))
            if (const auto name = names.find(word); name != names.end())
                found.insert(name->second);
    return found;
}

} // namespace zproc::test
