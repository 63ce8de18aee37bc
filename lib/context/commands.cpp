#include "context/commands.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace zproc::detail {
namespace {

error_code last_error()
{
    return {errno, boost::system::system_category()};
}

/// What the child gets; this process's end goes to `pipe`.
template <class Pipe>
descriptor open_pipe(Pipe& pipe, bool child_reads, error_code& ec)
{
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        ec = last_error();
        return {};
    }
    descriptor child = above_standard(descriptor(ends[child_reads ? 0 : 1]));
    descriptor own = above_standard(descriptor(ends[child_reads ? 1 : 0]));
    if (!child || !own) {
        ec = last_error();
        return {};
    }
    pipe.assign(own.get(), ec);
    if (ec)
        return {};
    own.release();
    return child;
}

descriptor open_file(const std::string& path, int flags, error_code& ec)
{
    descriptor file = above_standard(descriptor(::open(path.c_str(), flags | O_CLOEXEC, 0666)));
    if (!file)
        ec = last_error();
    return file;
}

descriptor open_stream(const stdio& what, int number, program_pipes& pipes, error_code& ec)
{
    const bool input = number == 0;
    switch (what.what()) {
    case stdio::kind::inherit:
    case stdio::kind::descriptor: return {};
    case stdio::kind::null: return open_file("/dev/null", O_RDWR, ec);
    case stdio::kind::file:
        return open_file(what.path(), input ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC, ec);
    case stdio::kind::append:
        return open_file(what.path(), input ? O_RDONLY : O_WRONLY | O_CREAT | O_APPEND, ec);
    case stdio::kind::pipe:
        if (input)
            return open_pipe(pipes.in, true, ec);
        return open_pipe(number == 1 ? pipes.out : pipes.err, false, ec);
    }
    return {};
}

bool has_nul(const command_plan& plan)
{
    const auto in = [](const std::string& text) { return text.find('\0') != std::string::npos; };
    return std::ranges::any_of(plan.words, in) || (plan.directory && in(*plan.directory)) ||
           std::ranges::any_of(plan.variables, [&](const auto& each) {
               return in(each.first) || (each.second && in(*each.second));
           });
}

} // namespace

std::string command_plan::name() const
{
    const auto& path = words.front();
    return path.substr(path.rfind('/') + 1);
}

void command_plan::fill(supervision::spawn_request& request) const
{
    request.command = words;
    request.standard = standard;
    if (directory)
        request.directory = directory;
    if (variables.empty() && inherits_environment)
        return;
    std::vector<std::string> all;
    if (inherits_environment)
        for (char** each = environ; each != nullptr && *each != nullptr; ++each)
            all.emplace_back(*each);
    for (const auto& [variable, content] : variables) {
        std::erase_if(all, [&](const std::string& each) {
            return each.size() > variable.size() && each.starts_with(variable) &&
                   each[variable.size()] == '=';
        });
        if (content)
            all.push_back(variable + '=' + *content);
    }
    request.environment = std::move(all);
}

std::shared_ptr<command_plan> open_command(const command& of, program_pipes& pipes, error_code& ec)
{
    auto plan = std::make_shared<command_plan>();
    plan->words = of.words();
    plan->variables = of.variables();
    plan->inherits_environment = of.inherits_environment();
    plan->directory = of.directory();
    if (has_nul(*plan)) {
        // Where exec would end them, and nobody meant them to.
        ec = make_error_code(boost::system::errc::invalid_argument);
        return nullptr;
    }
    if (plan->directory && !plan->directory->starts_with('/')) {
        std::error_code unknown;
        plan->directory = (std::filesystem::current_path(unknown) / *plan->directory).string();
    }
    for (int number = 0; number != 3; ++number) {
        const auto at = static_cast<std::size_t>(number);
        const auto& stream = of.stream(number);
        if (stream.what() == stdio::kind::descriptor)
            plan->standard[at] = stream.number();
        plan->opened[at] = open_stream(stream, number, pipes, ec);
        if (ec)
            return nullptr;
        if (plan->opened[at])
            plan->standard[at] = plan->opened[at].get();
    }
    return plan;
}

} // namespace zproc::detail
