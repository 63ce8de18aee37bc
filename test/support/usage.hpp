#pragma once

#include <cstdint>
#include <string>

#include <sys/types.h>

namespace zproc::test {

/// What a process takes, in bytes, by /proc/<pid>/smaps_rollup.
struct usage {
    std::int64_t resident = 0;     ///< RSS
    std::int64_t proportional = 0; ///< PSS: shared pages in parts
    std::int64_t alone = 0;        ///< USS: what nobody else has mapped

    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & resident & proportional & alone;
    }
};

/// Of a process, or of this one.
usage usage_of(pid_t pid = 0);

/// The most RSS that it had since the peak was forgotten.
std::int64_t peak_of(pid_t pid);
void forget_peak(pid_t pid);

constexpr std::int64_t mebibyte = 1 << 20;

/// "12.3 MiB"
std::string in_mebibytes(std::int64_t bytes);

/// Sanitizers keep what was freed, and shadows of everything: what they take says nothing.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool measurable = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool measurable = false;
#else
constexpr bool measurable = true;
#endif
#else
constexpr bool measurable = true;
#endif

} // namespace zproc::test
