#pragma once

#include <chrono>
#include <string>

namespace zproc::test {

/// Certificates as small authorities make them, in PEM; keys are on a curve, made in no time.
class authority {
public:
    explicit authority(const std::string& name);
    ~authority();
    authority(const authority&) = delete;
    authority& operator=(const authority&) = delete;

    const std::string& certificate() const { return pem_; }

    struct issued {
        std::string certificate;
        std::string key;
    };
    /// `names`: as OpenSSL has them, "DNS:kitchen, IP:127.0.0.1".
    issued issue(const std::string& names,
                 std::chrono::seconds valid = std::chrono::hours(1)) const;

private:
    struct parts;
    parts* own_;
    std::string pem_;
};

} // namespace zproc::test
