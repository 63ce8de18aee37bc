#include "stress/nasty_trees/program.hpp"

#include "stress/nasty_trees/trees.hpp"
#include "support/sandbox.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

namespace zproc::test::nasty {

namespace {

constexpr const char* siblings = "sd(s)"; // as the root plants them
constexpr auto patience = std::chrono::seconds(sanitized ? 60 : 20);

std::string errors_path()
{
    return sandbox::directory() / "errors";
}

} // namespace

program::program(const tree_kind& kind, fault injected, isolation_level isolation) : kind_(kind)
{
    int output[2];
    int root_orders[2];
    int child_orders[2];
    for (int* const ends : {output, root_orders, child_orders})
        if (::pipe2(ends, O_CLOEXEC) != 0)
            throw std::runtime_error("no pipe");
    root_ = ::fork();
    if (root_ == 0) {
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        const int errors =
            ::open(errors_path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
        ::dup2(child_orders[0], 0);
        ::dup2(output[1], 1);
        ::dup2(errors, 2);
        const int orders = ::dup(root_orders[0]);
        for (const int* const ends : {output, root_orders, child_orders}) {
            ::close(ends[0]);
            ::close(ends[1]);
        }
        ::close(errors);
        ::_exit(root_main(kind, injected, isolation, orders));
    }
    for (const int each : {output[1], root_orders[0], child_orders[0]})
        ::close(each);
    output_ = output[0];
    root_orders_ = root_orders[1];
    child_orders_ = child_orders[1];
    if (root_ < 0)
        throw std::runtime_error("cannot fork");
}

program::~program()
{
    for (const int each : {output_, root_orders_, child_orders_})
        ::close(each);
}

bool program::wait_until_up()
{
    const auto until = clock::now() + patience;
    const auto ups = forks_of(kind_.recipe);
    const auto spawned = spawns_of(kind_.recipe);
    const auto kept = forks_of(siblings) + spawns_of(siblings);
    while (numbers_["up"].size() < ups || numbers_["spawned"].size() < spawned ||
           numbers_["kept"].size() < kept || numbers_["top"].empty() || numbers_["state"].empty())
        if (!read_more(until))
            return false;
    taken_["state"] = 1;
    return true;
}

std::optional<long> program::said(const char* word)
{
    const auto until = clock::now() + patience;
    while (numbers_[word].size() <= taken_[word])
        if (!read_more(until))
            return std::nullopt;
    return numbers_[word][taken_[word]++];
}

bool program::read_more(clock::time_point until)
{
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - clock::now()).count();
    pollfd readable{output_, POLLIN, 0};
    char part[4096];
    if (left <= 0 || ::poll(&readable, 1, static_cast<int>(left)) != 1)
        return false;
    const auto size = ::read(output_, part, sizeof part);
    if (size <= 0)
        return false;
    text_.append(part, static_cast<std::size_t>(size));
    for (auto end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
        std::istringstream line(text_.substr(0, end));
        text_.erase(0, end + 1);
        std::string word;
        long number = 0;
        if (line >> word >> number)
            numbers_[word].push_back(number);
    }
    return true;
}

void program::order_root(char what) const
{
    static_cast<void>(!::write(root_orders_, &what, 1));
}

void program::order_child(char what) const
{
    static_cast<void>(!::write(child_orders_, &what, 1));
}

std::string program::ups() const
{
    std::string text;
    for (const auto& [word, numbers] : numbers_) {
        text += word + ':';
        for (const auto each : numbers)
            text += ' ' + std::to_string(each);
        text += "; ";
    }
    return text;
}

std::string program::errors() const
{
    const std::ifstream in(errors_path());
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

} // namespace zproc::test::nasty
