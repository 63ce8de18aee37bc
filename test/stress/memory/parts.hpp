#pragma once

#include <atomic>
#include <cstdint>

/// The two things that are measured, each in a program of its own.
namespace zproc::test::remembering {

struct shared_page {
    std::atomic<std::uint64_t> changes = 0;
    std::atomic<unsigned> touched = 0;
    std::atomic<bool> failed = false;
};

inline shared_page* page = nullptr;

/// Changes of 1,000 keys, and what the state process takes meanwhile.
struct changes_plan {
    unsigned seed = 1;
    std::uint64_t total = 10'000'000;
    std::uint64_t step = 1'000'000; ///< between two looks; the first one ends the warming up
    bool ever_new_keys = false;     ///< to see that the check notices
};
inline changes_plan changes_to_make;
/// Exit code 0: it stayed flat.
int measure_changes();

/// Processes that touch two of 100,000 keys each, and what they take.
struct touching_plan {
    unsigned seed = 1;
    int processes = 100;
    int keys = 100'000;
    bool take_everything = false; ///< to see that the check notices
};
inline touching_plan touching_to_do;
/// Exit code 0: none grew by a mebibyte.
int measure_touching();

} // namespace zproc::test::remembering
