#pragma once

#include <zproc/process.hpp>

#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/writable_pipe.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace zproc {

/// Where a standard stream of a command comes from, or goes to.
class stdio {
public:
    /// This process's own.
    static stdio inherit() { return stdio(kind::inherit); }
    static stdio null() { return stdio(kind::null); }
    /// A pipe, whose other end the `program` has.
    static stdio pipe() { return stdio(kind::pipe); }
    /// A file: for input read from its beginning, for output made or emptied.
    static stdio file(std::string path) { return stdio(kind::file, std::move(path)); }
    /// A file that output is added to.
    static stdio append(std::string path) { return stdio(kind::append, std::move(path)); }
    /// An open descriptor of this process; it stays the caller's, and open until the spawn has
    /// completed.
    static stdio descriptor(int number) { return stdio(kind::descriptor, {}, number); }

    enum class kind { inherit, null, pipe, file, append, descriptor };
    kind what() const noexcept { return kind_; }
    const std::string& path() const noexcept { return path_; }
    int number() const noexcept { return number_; }

private:
    explicit stdio(kind k, std::string path = {}, int number = -1)
        : path_(std::move(path)), number_(number), kind_(k)
    {
    }

    std::string path_;
    int number_;
    kind kind_;
};

/// A program to be run by `context::spawn`, and what it is given.
///
///     auto ls = co_await ctx.spawn(command("ls").arg("-l").output(stdio::pipe()));
class command {
public:
    /// A path, or a name that is looked for in PATH.
    explicit command(std::string program) : words_{std::move(program)} {}

    command& arg(std::string value)
    {
        words_.push_back(std::move(value));
        return *this;
    }
    command& args(const std::vector<std::string>& values)
    {
        words_.insert(words_.end(), values.begin(), values.end());
        return *this;
    }

    /// One variable of its environment, which otherwise is this process's.
    command& env(std::string name, std::string value)
    {
        variables_.emplace_back(std::move(name), std::move(value));
        return *this;
    }
    command& unset_env(std::string name)
    {
        variables_.emplace_back(std::move(name), std::nullopt);
        return *this;
    }
    /// Nothing of this process's environment.
    command& clear_env()
    {
        inherits_environment_ = false;
        return *this;
    }

    /// Default: this process's.
    command& directory(std::string path)
    {
        directory_ = std::move(path);
        return *this;
    }

    command& input(stdio from)
    {
        streams_[0] = std::move(from);
        return *this;
    }
    command& output(stdio to)
    {
        streams_[1] = std::move(to);
        return *this;
    }
    command& error(stdio to)
    {
        streams_[2] = std::move(to);
        return *this;
    }

    using variable = std::pair<std::string, std::optional<std::string>>;

    const std::vector<std::string>& words() const noexcept { return words_; }
    const std::vector<variable>& variables() const noexcept { return variables_; }
    bool inherits_environment() const noexcept { return inherits_environment_; }
    const std::optional<std::string>& directory() const noexcept { return directory_; }
    const stdio& stream(int number) const { return streams_[static_cast<std::size_t>(number)]; }

private:
    std::vector<std::string> words_;
    std::vector<variable> variables_;
    bool inherits_environment_ = true;
    std::optional<std::string> directory_;
    std::vector<stdio> streams_{3, stdio::inherit()};
};

namespace detail {

/// This process's ends of the pipes of a command.
struct program_pipes {
    explicit program_pipes(const asio::any_io_executor& io) : in(io), out(io), err(io) {}

    asio::writable_pipe in;
    asio::readable_pipe out;
    asio::readable_pipe err;
};

} // namespace detail

/// A process that runs a command. `wait` says how it ended; `result` throws `process_exited` for
/// any code but 0.
///
/// Copies share the pipes, which are closed with the last copy: whoever writes to a program that
/// reads to the end closes `in()`.
class [[nodiscard]] program : public process<> {
public:
    program() = default;
    program(std::shared_ptr<detail::process_core> core,
            std::shared_ptr<detail::program_pipes> pipes) noexcept
        : process(std::move(core)), pipes_(std::move(pipes))
    {
    }

    /// Its standard streams, where `stdio::pipe()` was asked for; others are not open.
    /// Precondition: not an empty handle.
    asio::writable_pipe& in() const noexcept { return pipes_->in; }
    asio::readable_pipe& out() const noexcept { return pipes_->out; }
    asio::readable_pipe& err() const noexcept { return pipes_->err; }

private:
    std::shared_ptr<detail::program_pipes> pipes_;
};

} // namespace zproc
