#include "tls.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <stdexcept>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace zproc::tls {

namespace {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* each) const noexcept
    {
        Free(each);
    }
};
using owned_bio = std::unique_ptr<BIO, freed_by<&BIO_free>>;
using owned_certificate = std::unique_ptr<X509, freed_by<&X509_free>>;
using owned_key = std::unique_ptr<EVP_PKEY, freed_by<&EVP_PKEY_free>>;
using owned_context = std::unique_ptr<SSL_CTX, freed_by<&SSL_CTX_free>>;

std::string reason()
{
    const auto code = ERR_peek_last_error();
    const char* const known = ERR_reason_error_string(code);
    return known != nullptr ? known : "no reason is given";
}

owned_bio reader_of(const std::string& text)
{
    owned_bio made(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    if (!made)
        throw std::bad_alloc();
    return made;
}

owned_certificate next_certificate(BIO* from)
{
    return owned_certificate(PEM_read_bio_X509(from, nullptr, nullptr, nullptr));
}

/// Nothing more was to be read, rather than something that cannot be.
bool was_all()
{
    const auto last = ERR_peek_last_error();
    return ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
}

/// Nobody is asked on the terminal.
int no_password(char*, int, int, void*)
{
    return -1;
}

bool use_certificate(SSL_CTX* context, const std::string& pem)
{
    const auto in = reader_of(pem);
    const auto own = next_certificate(in.get());
    if (!own || SSL_CTX_use_certificate(context, own.get()) != 1)
        return false;
    while (const auto signer = next_certificate(in.get()))
        if (SSL_CTX_add1_chain_cert(context, signer.get()) != 1)
            return false;
    return was_all();
}

bool use_key(SSL_CTX* context, const std::string& pem)
{
    const auto in = reader_of(pem);
    const owned_key key(PEM_read_bio_PrivateKey(in.get(), nullptr, &no_password, nullptr));
    return key && SSL_CTX_use_PrivateKey(context, key.get()) == 1 &&
           SSL_CTX_check_private_key(context) == 1;
}

bool trust(SSL_CTX* context, const std::string& pem)
{
    const auto in = reader_of(pem);
    auto* const store = SSL_CTX_get_cert_store(context);
    int count = 0;
    for (; const auto each = next_certificate(in.get()); ++count)
        if (X509_STORE_add_cert(store, each.get()) != 1)
            return false;
    return count != 0 && was_all();
}

} // namespace

std::shared_ptr<const terms> terms::make(role side, const identity& of, error_code& ec,
                                         std::string& text)
{
    ec = {};
    ERR_clear_error();
    const auto refuse = [&](const std::string& what) {
        ec = errc::bad_certificate;
        text = what + ": " + reason();
        ERR_clear_error();
        return nullptr;
    };
    owned_context context(SSL_CTX_new(TLS_method()));
    if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1)
        return refuse("TLS 1.3 cannot be used");
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context.get(), 0); // nothing is resumed: sessions are ours
    if (side == role::server && of.certificate.empty()) {
        ec = errc::bad_certificate;
        text = "a server that speaks TLS needs a certificate and its key";
        return nullptr;
    }
    if (!of.certificate.empty() && !use_certificate(context.get(), of.certificate))
        return refuse("the certificate cannot be used");
    if (!of.certificate.empty() && !use_key(context.get(), of.key))
        return refuse("the key cannot be used, or is that of another certificate");
    if (!of.authorities.empty() && !trust(context.get(), of.authorities))
        return refuse("the certificates of the authorities cannot be used");
    if (side == role::client && of.authorities.empty())
        SSL_CTX_set_default_verify_paths(context.get());
    int verify = SSL_VERIFY_NONE;
    if (side == role::client || !of.authorities.empty())
        verify = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(context.get(), verify, nullptr);
    ERR_clear_error(); // the end of a file is an error to who reads PEM
    return std::shared_ptr<const terms>(new terms(side, context.release()));
}

terms::~terms()
{
    SSL_CTX_free(context_);
}

session::session(std::shared_ptr<const terms> by, const std::string& server_name)
    : by_(std::move(by)), ssl_(SSL_new(by_->context_))
{
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    if (ssl_ == nullptr || in_ == nullptr || out_ == nullptr) {
        BIO_free(in_);
        BIO_free(out_);
        SSL_free(ssl_);
        throw std::bad_alloc();
    }
    BIO_set_mem_eof_return(in_, -1); // empty: more is to come
    SSL_set_bio(ssl_, in_, out_);
    if (by_->side_ == role::server) {
        SSL_set_accept_state(ssl_);
        return;
    }
    SSL_set_connect_state(ssl_);
    auto* const wanted = SSL_get0_param(ssl_);
    if (X509_VERIFY_PARAM_set1_ip_asc(wanted, server_name.c_str()) != 1) {
        ERR_clear_error(); // it is a name
        if (server_name.empty() || SSL_set1_host(ssl_, server_name.c_str()) != 1) {
            SSL_free(ssl_);
            throw std::invalid_argument("a client of TLS has to know the name of its server");
        }
        // What SSL_set_tlsext_host_name does, without its cast.
        SSL_ctrl(ssl_, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                 const_cast<char*>(server_name.c_str()));
    }
    shake_hands();
}

session::~session()
{
    SSL_free(ssl_); // and what it reads from and writes to
}

bool session::received(std::span<const std::byte> sealed)
{
    if (error_)
        return false;
    if (BIO_write(in_, sealed.data(), static_cast<int>(sealed.size())) !=
        static_cast<int>(sealed.size()))
        throw std::bad_alloc();
    if (!established_)
        shake_hands();
    return !error_;
}

void session::shake_hands()
{
    ERR_clear_error();
    established_ = check(SSL_do_handshake(ssl_));
    collect();
}

std::size_t session::open(std::span<std::byte> room)
{
    if (error_ || !established_)
        return 0;
    ERR_clear_error();
    std::size_t count = 0;
    const bool any = check(SSL_read_ex(ssl_, room.data(), room.size(), &count));
    collect();
    return any ? count : 0;
}

bool session::seal(std::span<const std::byte> plain)
{
    ERR_clear_error();
    std::size_t count = 0;
    // To memory, so it is all or nothing.
    if (!error_ && !plain.empty() &&
        !check(SSL_write_ex(ssl_, plain.data(), plain.size(), &count)) && !error_) {
        error_ = errc::tls_failed;
        text_ = "it cannot be written yet";
    }
    collect();
    return !error_;
}

/// False when there is nothing to be had for now, or when it failed.
bool session::check(int result)
{
    if (result == 1)
        return true;
    const int why = SSL_get_error(ssl_, result);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
        return false;
    error_ = errc::tls_failed;
    const auto verified = SSL_get_verify_result(ssl_);
    if (why == SSL_ERROR_ZERO_RETURN)
        text_ = "the other side has ended it";
    else if (verified != X509_V_OK)
        text_ = std::string("the other side's certificate is not accepted: ") +
                X509_verify_cert_error_string(verified);
    else if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_WRONG_VERSION_NUMBER)
        text_ = "the other side does not speak TLS";
    else
        text_ = reason();
    return false;
}

void session::collect()
{
    std::array<std::byte, 16 << 10> part;
    for (int count = 0; (count = BIO_read(out_, part.data(), static_cast<int>(part.size()))) > 0;)
        output_.insert(output_.end(), part.begin(), part.begin() + count);
}

bool begins_tls(std::span<const std::byte> first)
{
    constexpr std::byte handshake{0x16}, major{0x03};
    return !first.empty() && first[0] == handshake && (first.size() == 1 || first[1] == major);
}

} // namespace zproc::tls
