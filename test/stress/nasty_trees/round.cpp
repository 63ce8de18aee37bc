#include "stress/nasty_trees/round.hpp"

#include "stress/nasty_trees/program.hpp"
#include "support/sandbox.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zproc::test::nasty {

namespace {

bool loops(const process_entry& each)
{
    return each.name == loop_name;
}

/// One round.
class round_of {
public:
    round_of(observer& from_outside, const tree_kind& kind, death d, isolation_level isolation,
             fault injected)
        : observer_(from_outside),
          kind_(kind),
          death_(d),
          admitted_(d == death::both_killed && isolation == isolation_level::standard),
          injected_(injected),
          program_(kind, injected, isolation)
    {
    }

    round_result run()
    {
        if (program_.wait_until_up()) {
            before_ = observer_.everyone();
            stop_what_is_to_be_stopped();
            begun_ = clock::now();
            let_it_happen();
            check();
            end_program();
        } else {
            object("not everyone came up: " + program_.ups());
            object("there are " + text_of(observer_.everyone()));
        }
        remove_what_is_left();
        if (!result_.objections.empty() && !program_.errors().empty())
            object("standard error: " + program_.errors().substr(0, 4000));
        return std::move(result_);
    }

private:
    void object(std::string what) { result_.objections.push_back(std::move(what)); }

    void stop_what_is_to_be_stopped()
    {
        if (!kind_.stopped)
            return;
        const bool top_has_work = death_ == death::child_returns || death_ == death::child_crashes;
        for (const auto each : program_.all("spawned"))
            if (!top_has_work || each != program_.pid("top"))
                ::kill(static_cast<pid_t>(each), SIGSTOP);
    }

    void let_it_happen()
    {
        const auto top = program_.pid("top");
        if (injected_ == fault::dead_sibling)
            ::kill(static_cast<pid_t>(program_.all("kept").front()), SIGKILL);
        switch (death_) {
        case death::child_returns: return program_.order_child(order::go);
        case death::child_crashes: return program_.order_child(order::crash);
        case death::child_killed: ::kill(top, SIGKILL); return;
        case death::owner_stops: return program_.order_root(order::stop);
        case death::root_returns: return program_.order_root(order::go);
        case death::root_throws: return program_.order_root(order::fail);
        case death::root_terminated: ::kill(program_.root(), SIGTERM); return;
        case death::root_killed: ::kill(program_.root(), SIGKILL); return;
        case death::supervisor_killed: ::kill(program_.pid("supervisor"), SIGKILL); return;
        case death::guardian_killed: ::kill(program_.pid("guardian"), SIGKILL); return;
        case death::state_killed: ::kill(program_.pid("state"), SIGKILL); return;
        case death::both_killed:
            ::kill(program_.pid("supervisor"), SIGKILL);
            ::kill(program_.pid("guardian"), SIGKILL);
            return;
        }
    }

    void check()
    {
        switch (death_) {
        case death::child_returns:
        case death::child_crashes:
        case death::child_killed:
        case death::owner_stops: return check_the_tree_died();
        case death::root_returns:
        case death::root_throws:
        case death::root_terminated:
        case death::root_killed: return; // that nobody is left is always checked
        case death::supervisor_killed:
        case death::guardian_killed: return check_only_the_root_lives();
        case death::state_killed: return check_everyone_lives();
        case death::both_killed:
            return admitted_ ? check_children_died() : check_only_the_root_lives();
        }
    }

    void escaped(const std::vector<process_entry>& left, const char* what)
    {
        if (!cleaned_)
            result_.cleanup =
                std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - begun_);
        cleaned_ = true;
        if (left.empty())
            return;
        result_.escapes += left.size();
        object(what + (": " + text_of(left)));
    }

    void check_the_tree_died()
    {
        const std::set<long> kept(program_.all("kept").begin(), program_.all("kept").end());
        const std::set<pid_t> others{program_.root(), program_.pid("supervisor"),
                                     program_.pid("guardian"), program_.pid("state")};
        const auto lives_on = [&](const process_entry& each) {
            return is_among(before_, each) &&
                   (kept.contains(each.pid) || others.contains(each.pid));
        };
        escaped(observer_.wait_for_nobody_but(lives_on, begun_ + limit), "left of the tree");
        check_lives(lives_on);
        const auto code = program_.said("ended");
        const bool as_told = death_ == death::child_returns  ? code == 0
                             : death_ == death::child_killed ? code == -SIGKILL
                             : death_ == death::child_crashes
                                 ? (sanitized ? code.value_or(0) > 0 : code == -SIGSEGV)
                                 : code.has_value();
        if (!as_told)
            object("its owner was told " + (code ? std::to_string(*code) : "nothing"));
        if (death_ == death::owner_stops && !program_.said("stopped"))
            object("the stop did not complete");
    }

    void check_lives(const std::function<bool(const process_entry&)>& has_to)
    {
        const auto now = observer_.everyone();
        std::vector<process_entry> dead;
        for (const auto& each : before_)
            if (has_to(each) && std::ranges::none_of(now, [&](const auto& other) {
                    return other.same(each) && !other.zombie();
                }))
                dead.push_back(each);
        if (!dead.empty())
            object("died with others: " + text_of(dead));
    }

    void check_only_the_root_lives()
    {
        const auto lives_on = [&](const process_entry& each) {
            return each.pid == program_.root();
        };
        // The root reaps its guardian when it looks again at what the supervisor has told.
        const auto may_stay = [&](const process_entry& each) {
            return lives_on(each) || (each.zombie() && each.pid == program_.pid("guardian"));
        };
        escaped(observer_.wait_for_nobody_but(may_stay, begun_ + limit), "left of all");
        check_lives(lives_on);
        program_.order_root(order::spawn);
        if (program_.said("spawns") != 0)
            object("the root does not know that its supervisor is lost");
        escaped(observer_.wait_for_nobody_but(lives_on, clock::now() + limit), "not reaped");
    }

    void check_everyone_lives()
    {
        program_.order_root(order::ping);
        const auto successor = program_.said("state");
        escaped({}, "");
        if (!successor || *successor == program_.pid("state"))
            object("the state process has no successor");
        check_lives([&](const process_entry& each) {
            return each.pid != program_.pid("state") && !loops(each);
        });
        if (std::string_view(kind_.recipe).find('l') == std::string_view::npos)
            return;
        const auto then = page->generations.load();
        while (page->generations < then + 3)
            if (clock::now() > begun_ + limit)
                return object("those who fork in a loop have died");
            else
                ::usleep(1000);
    }

    /// The row that is admitted: what children have forked may escape.
    void check_children_died()
    {
        const auto died = [&](const process_entry& each) {
            return each.parent != program_.pid("supervisor");
        };
        const auto is_child = [&](const process_entry& each) {
            return std::ranges::any_of(
                before_, [&](const auto& other) { return other.same(each) && !died(other); });
        };
        const auto left = observer_.wait_for_nobody_but(
            [&](const process_entry& each) { return !is_child(each); }, begun_ + limit);
        escaped({}, "");
        if (!left.empty())
            object("children of the supervisor are left: " + text_of(left));
    }

    void end_program()
    {
        const bool root_was_last = death_ >= death::root_returns && death_ <= death::root_killed;
        if (!root_was_last) {
            begun_ = clock::now();
            program_.order_root(order::go);
        }
        // Who may escape is given some time not to.
        const auto until = begun_ + (admitted_ ? grace : limit);
        auto left = observer_.wait_for_nobody(until);
        if (admitted_) {
            result_.escapes = left.size();
            std::erase_if(left, [&](const auto& each) { return each.pid != program_.root(); });
            if (!left.empty())
                object("the root does not end");
        } else {
            escaped(left, "left of all");
        }
        check_status();
        check_directory();
    }

    void check_status()
    {
        const int status = observer_.status_of(program_.root());
        const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        const int expected = death_ == death::root_throws       ? 1
                             : death_ == death::root_terminated ? 128 + SIGTERM
                             : death_ == death::root_killed     ? -SIGKILL
                                                                : 0;
        if (code != expected)
            object("the root ended with " + std::to_string(code));
    }

    void check_directory()
    {
        for (const auto& each : std::filesystem::directory_iterator(sandbox::directory()))
            if (each.path().filename().string().starts_with("zproc-"))
                object("left behind: " + each.path().string());
    }

    void remove_what_is_left()
    {
        page->end_loops = true;
        for (int i = 0; i != 20; ++i) {
            const auto left = observer_.wait_for_nobody(clock::now());
            if (left.empty())
                break;
            observer_.remove(left);
            observer_.wait_for_nobody(clock::now() + std::chrono::milliseconds(500));
        }
        observer_.forget_statuses();
        for (const auto& each : std::filesystem::directory_iterator(sandbox::directory()))
            if (each.path().filename().string().starts_with("zproc-"))
                std::filesystem::remove_all(each.path());
    }

    observer& observer_;
    const tree_kind& kind_;
    const death death_;
    const bool admitted_; ///< some may escape
    const fault injected_;
    program program_;
    std::vector<process_entry> before_;
    clock::time_point begun_;
    bool cleaned_ = false;
    round_result result_;
};

} // namespace

round_result run_round(observer& from_outside, const tree_kind& kind, death d,
                       isolation_level isolation, fault injected)
{
    page->end_loops = false;
    from_outside.get_orphans(injected != fault::unheard_daemon &&
                             injected != fault::changed_daemon);
    auto result = round_of(from_outside, kind, d, isolation, injected).run();
    from_outside.get_orphans(true);
    return result;
}

} // namespace zproc::test::nasty
