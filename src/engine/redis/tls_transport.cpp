// TLS over a SocketTransport: OpenSSL reads from and writes to memory, and the socket stays ours (no SIGPIPE, no blocking).
#include "engine/redis/tls_transport.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <array>

#include "engine/redis/socket_transport.hpp"
#include "engine/redis/tls_context.hpp"
#include "util/escape.hpp"

namespace condolock::engine::redis {
namespace {

bool is_numeric(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  const std::string without_zone = host.substr(0, host.find('%'));
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, without_zone.c_str(), address.data()) == 1;
}

std::string text_of(const ASN1_TIME* time) {
  tm parts{};
  std::array<char, 32> text{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "an unknown time";
  return std::string(text.data(), strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts));
}

std::string text_of(const X509_NAME* name) {
  BIO* memory = BIO_new(BIO_s_mem());
  X509_NAME_print_ex(memory, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(memory, &data);
  std::string out = util::escape(std::string_view(data, static_cast<std::size_t>(size)));
  BIO_free(memory);
  return out;
}

// The names and addresses that the certificate is for, or else its subject.
std::string names_of(X509* certificate) {
  std::string out;
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names) && out.size() < 200; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    std::string text;
    if (name->type == GEN_DNS) {
      text.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                  static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      std::array<char, INET6_ADDRSTRLEN> address{};
      const int length = ASN1_STRING_length(name->d.iPAddress);
      const int family = length == 4 ? AF_INET : AF_INET6;
      if (length == 4 || length == 16)
        inet_ntop(family, ASN1_STRING_get0_data(name->d.iPAddress), address.data(), address.size());
      text = address.data();
    }
    if (!text.empty()) out += (out.empty() ? "" : ", ") + util::escape(text);
  }
  GENERAL_NAMES_free(names);
  return out.empty() ? text_of(X509_get_subject_name(certificate)) : out;
}

class TlsTransport final : public Transport {
 public:
  TlsTransport(const Address& address, const Target& target, std::shared_ptr<TlsContext> context)
      : target_(target), host_(address.host), context_(std::move(context)), socket_(address) {
    if (!context_->error().empty()) {
      fail(Fault::misconfigured, context_->error());
      return;
    }
    tls_.reset(SSL_new(context_->get()));
    if (!tls_) {
      fail(Fault::local, last_tls_error());
      return;
    }
    incoming_ = BIO_new(BIO_s_mem());
    outgoing_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(incoming_, -1);
    SSL_set_bio(tls_.get(), incoming_, outgoing_);  // which owns them now
    SSL_set_connect_state(tls_.get());
    SSL_set_app_data(tls_.get(), this);
    if (!target_.tls->insecure) SSL_set_verify(tls_.get(), SSL_VERIFY_PEER, on_certificate);
    name();
  }

  Interest interest() const override {
    Interest interest = socket_.interest();
    // Bytes that poll() does not see: a time in the past, so at once.
    if (connected_ && (SSL_pending(tls_.get()) > 0 || BIO_pending(incoming_) > 0)) interest.wake = Instant();
    return interest;
  }

  void advance(short revents) override {
    if (!error_.empty()) return;
    socket_.advance(revents);
    if (socket_.is_connected() && !connected_) shake_hands();
    flush();
  }

  bool is_connected() const override { return connected_ && error().empty(); }
  const std::string& error() const override { return error_.empty() ? socket_.error() : error_; }
  Fault fault() const override { return error_.empty() ? socket_.fault() : fault_; }

  void send(std::string_view bytes) override {
    unsent_ += bytes;
    if (connected_) flush();
  }

  std::size_t receive(char* into, std::size_t size) override {
    std::size_t total = 0;
    while (error_.empty() && total < size) {
      std::size_t got = 0;  // at most one record
      ERR_clear_error();
      const int result = SSL_read_ex(tls_.get(), into + total, size - total, &got);
      total += got;
      if (result == 1) continue;
      const int why = SSL_get_error(tls_.get(), result);
      if (why == SSL_ERROR_ZERO_RETURN) {
        fail(Fault::unreachable, "the server closed the connection");
      } else if (why != SSL_ERROR_WANT_READ) {
        explain();  // with TLS 1.3 the server refuses a client's certificate only now
      } else if (!fill()) {
        break;
      }
    }
    flush();
    return total;
  }

  // A server of TLS 1.3 sends tickets at any time, which are no bytes for us.
  bool is_quiet() override {
    char byte = 0;
    std::size_t got = 0;
    fill();
    ERR_clear_error();
    const bool has_bytes = SSL_peek_ex(tls_.get(), &byte, 1, &got) == 1;
    const bool wants_more = has_bytes || SSL_get_error(tls_.get(), 0) == SSL_ERROR_WANT_READ;
    return error().empty() && unsent_.empty() && !has_bytes && wants_more && socket_.is_quiet();
  }

 private:
  const std::string& checked_name() const { return target_.tls->name.empty() ? host_ : target_.tls->name; }

  void name() {
    const std::string& expected = checked_name();
    bool is_set = false;
    if (is_numeric(expected)) {
      const std::string address = expected.substr(0, expected.find('%'));
      is_set = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_.get()), address.c_str()) == 1;
    } else {
      SSL_set_hostflags(tls_.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      // SNI is for names only (RFC 6066, 3).
      is_set =
          SSL_set_tlsext_host_name(tls_.get(), expected.c_str()) == 1 && SSL_set1_host(tls_.get(), expected.c_str()) == 1;
    }
    // Without a name, any certificate of a known authority would do.
    if (!is_set) fail(Fault::misconfigured, "TLS cannot check the name " + util::escape(expected));
  }

  void fail(Fault fault, std::string text) {
    if (!error_.empty()) return;
    fault_ = fault;
    error_ = std::move(text);
  }

  void shake_hands() {
    for (;;) {
      ERR_clear_error();
      const int result = SSL_do_handshake(tls_.get());
      pass_on();
      if (result == 1) {
        connected_ = true;
        return;
      }
      if (SSL_get_error(tls_.get(), result) != SSL_ERROR_WANT_READ) return explain();
      if (!fill()) break;
    }
    if (socket_.error().empty()) return;
    fail(Fault::unreachable, socket_.error() + " during the TLS handshake");
  }

  // Alerts by which a server refuses this client (RFC 8446, 6). After others, such as "internal error" from a proxy whose
  // server is away, another attempt may work.
  static bool is_refusal(int reason) {
    switch (reason - SSL_AD_REASON_OFFSET) {
      case SSL_AD_HANDSHAKE_FAILURE:
      case SSL_AD_BAD_CERTIFICATE:
      case SSL_AD_UNSUPPORTED_CERTIFICATE:
      case SSL_AD_CERTIFICATE_REVOKED:
      case SSL_AD_CERTIFICATE_EXPIRED:
      case SSL_AD_CERTIFICATE_UNKNOWN:
      case SSL_AD_UNKNOWN_CA:
      case SSL_AD_ACCESS_DENIED:
      case SSL_AD_INSUFFICIENT_SECURITY:
      case SSL_AD_UNRECOGNIZED_NAME:
      case TLS13_AD_CERTIFICATE_REQUIRED:
        return true;
      default:
        return false;
    }
  }

  // Why OpenSSL gave up: what was expected, what was found, and the way out.
  void explain() {
    const unsigned long code = ERR_peek_last_error();  // NOLINT(google-runtime-int): OpenSSL's type
    const int reason = ERR_GET_REASON(code);
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
      ERR_clear_error();
      return fail(Fault::denied, "the server's certificate " + what_is_wrong_);
    }
    const std::string said = last_tls_error();
    if (!connected_ && (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST)) {
      return fail(Fault::unexpected, "the server does not speak TLS on this port (use its TLS port, or redis://)");
    }
    if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION) {
      return fail(Fault::denied, "the server has no version of TLS that is safe: condolock needs TLS 1.2 or later");
    }
    if (is_refusal(reason)) {
      return fail(Fault::denied, "the server refused the TLS handshake: " + said +
                                     (target_.tls->cert.empty() ? " (does it want a certificate? see --tls-cert)" : ""));
    }
    fail(Fault::unreachable, "TLS error: " + said);
  }

  // OpenSSL asks this about each certificate of the chain. Keeps the first reason to refuse it.
  static int on_certificate(int accepted, X509_STORE_CTX* chain) {
    if (accepted == 1) return 1;
    const int ssl_index = SSL_get_ex_data_X509_STORE_CTX_idx();
    auto* self =
        static_cast<TlsTransport*>(SSL_get_app_data(static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, ssl_index))));
    if (self->what_is_wrong_.empty()) self->what_is_wrong_ = self->what_is_wrong(chain);
    return 0;
  }

  // After "the server's certificate ".
  std::string what_is_wrong(X509_STORE_CTX* chain) const {
    X509* own = X509_STORE_CTX_get0_cert(chain);
    X509* current = X509_STORE_CTX_get_current_cert(chain);
    if (current == nullptr) current = own;
    const std::string of_issuer =
        current == own ? "" : "is signed by " + text_of(X509_get_subject_name(current)) + ", which ";
    const int result = X509_STORE_CTX_get_error(chain);
    switch (result) {
      case X509_V_ERR_HOSTNAME_MISMATCH:
      case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "is for " + names_of(own) + ", not for " + util::escape(checked_name()) + " (--tls-sni names another one)";
      case X509_V_ERR_CERT_HAS_EXPIRED:
        return of_issuer + "expired at " + text_of(X509_get0_notAfter(current)) + " (is this machine's clock right?)";
      case X509_V_ERR_CERT_NOT_YET_VALID:
        return of_issuer + "is not valid before " + text_of(X509_get0_notBefore(current)) +
               " (is this machine's clock right?)";
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
      case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return "is signed by " + text_of(X509_get_issuer_name(current)) + ", which is not among the authorities " +
               (target_.tls->ca.empty() ? "of this system (name its certificate with --tls-cacert)"
                                        : "in " + util::escape(target_.tls->ca));
      default:
        return "can't be trusted: " + std::string(X509_verify_cert_error_string(result));
    }
  }

  // Takes what the socket has. Returns whether that was anything.
  bool fill() {
    std::array<char, 16'384> bytes{};
    const std::size_t got = socket_.receive(bytes.data(), bytes.size());
    if (got > 0) BIO_write(incoming_, bytes.data(), static_cast<int>(got));
    return got > 0;
  }

  // Hands to the socket what OpenSSL has written.
  void pass_on() {
    std::array<char, 16'384> bytes{};
    for (;;) {
      const int got = BIO_read(outgoing_, bytes.data(), static_cast<int>(bytes.size()));
      if (got <= 0) return;
      socket_.send({bytes.data(), static_cast<std::size_t>(got)});
    }
  }

  void flush() {
    while (connected_ && !unsent_.empty() && error_.empty()) {
      std::size_t sent = 0;
      ERR_clear_error();
      const int result = SSL_write_ex(tls_.get(), unsent_.data(), unsent_.size(), &sent);
      if (result == 1) {
        unsent_.erase(0, sent);
      } else if (SSL_get_error(tls_.get(), result) == SSL_ERROR_WANT_READ) {
        break;
      } else {
        explain();
      }
    }
    if (tls_) pass_on();
  }

  const Target& target_;
  const std::string host_;
  std::shared_ptr<TlsContext> context_;
  SocketTransport socket_;
  std::unique_ptr<SSL, FreeTls> tls_;
  BIO* incoming_ = nullptr;  // what the socket has brought
  BIO* outgoing_ = nullptr;  // what the socket has to send
  bool connected_ = false;
  std::string what_is_wrong_;  // with the server's certificate
  std::string error_;
  Fault fault_ = Fault::unreachable;
  std::string unsent_;
};

}  // namespace

Connector connect_over_tls(const Target& target) {
  auto context = std::make_shared<std::shared_ptr<TlsContext>>();
  return [&target, context](const Address& address) -> std::unique_ptr<Transport> {
    if (!*context) *context = std::make_shared<TlsContext>(*target.tls);
    return std::make_unique<TlsTransport>(address, target, *context);
  };
}

}  // namespace condolock::engine::redis
