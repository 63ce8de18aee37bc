#include "support/certificates.hpp"

#include <memory>
#include <stdexcept>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace zproc::test {

namespace {

using owned_certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using owned_key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using owned_bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

void demand(bool well)
{
    if (!well)
        throw std::runtime_error("a certificate cannot be made");
}

owned_key fresh_key()
{
    std::string curve = "P-256";
    owned_key made(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve.data()), &EVP_PKEY_free);
    demand(made != nullptr);
    return made;
}

void extend(X509* certificate, X509* issuer, int what, const std::string& value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const made = X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str());
    demand(made != nullptr && X509_add_ext(certificate, made, -1) == 1);
    X509_EXTENSION_free(made);
}

owned_certificate blank(const std::string& name, EVP_PKEY* key, std::chrono::seconds valid)
{
    owned_certificate made(X509_new(), &X509_free);
    demand(made != nullptr && X509_set_version(made.get(), 2) == 1);
    long serial = 0;
    demand(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), 7) == 1);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600 * 24);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), static_cast<long>(valid.count()));
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_pubkey(made.get(), key);
    return made;
}

template <class Write>
std::string in_pem(Write write)
{
    const owned_bio out(BIO_new(BIO_s_mem()), &BIO_free);
    demand(out && write(out.get()) == 1);
    char* data = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
}

std::string in_pem(X509* certificate)
{
    return in_pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

} // namespace

struct authority::parts {
    owned_key key = fresh_key();
    owned_certificate certificate;
};

authority::authority(const std::string& name)
    : own_(new parts{fresh_key(), blank(name, nullptr, std::chrono::hours(1))})
{
    auto* const made = own_->certificate.get();
    X509_set_pubkey(made, own_->key.get());
    X509_set_issuer_name(made, X509_get_subject_name(made));
    extend(made, made, NID_basic_constraints, "critical,CA:TRUE");
    demand(X509_sign(made, own_->key.get(), EVP_sha256()) != 0);
    pem_ = in_pem(made);
}

authority::~authority()
{
    delete own_;
}

authority::issued authority::issue(const std::string& names, std::chrono::seconds valid) const
{
    const auto key = fresh_key();
    const auto made = blank("a test", key.get(), valid);
    X509_set_issuer_name(made.get(), X509_get_subject_name(own_->certificate.get()));
    extend(made.get(), own_->certificate.get(), NID_subject_alt_name, names);
    demand(X509_sign(made.get(), own_->key.get(), EVP_sha256()) != 0);
    return {in_pem(made.get()), in_pem([&](BIO* out) {
                return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr,
                                                nullptr);
            })};
}

} // namespace zproc::test
