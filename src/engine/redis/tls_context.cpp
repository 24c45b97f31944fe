#include "engine/redis/tls_context.hpp"

#include <dirent.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "util/environment.hpp"
#include "util/escape.hpp"

namespace condolock::engine::redis {
namespace {

// Where distributions keep the certificates of their authorities. Only those that are looked up are read from a directory of
// hashed names; a bundle is read whole, which takes some 46 ms.
constexpr std::array directories{"/etc/ssl/certs",                                  // Debian, Ubuntu, SUSE, Arch
                                 "/etc/pki/ca-trust/extracted/pem/directory-hash",  // Fedora, RHEL
                                 "/var/lib/ca-certificates/pem",                    // SUSE
                                 "/etc/ca-certificates/extracted/cadir"};           // Arch
constexpr std::array bundles{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
                             "/etc/ssl/ca-bundle.pem"};

// Whether there is a name as c_rehash makes them: eight hexadecimal digits, a dot, a number.
bool has_hashed_names(const char* path) {
  DIR* directory = opendir(path);
  if (directory == nullptr) return false;
  bool found = false;
  while (const dirent* entry = found ? nullptr : readdir(directory)) {
    const std::string_view name(static_cast<const char*>(entry->d_name));
    found = name.size() >= 10 && name[8] == '.' && name.find_first_not_of("0123456789abcdef") == 8;
  }
  closedir(directory);
  return found;
}

std::string unreadable(const char* what, const std::string& path) {
  const std::string name = std::string(what) + " " + util::escape(path);
  if (access(path.c_str(), R_OK) != 0) return "cannot read " + name + ": " + std::strerror(errno);
  return "cannot use " + name + ": " + last_tls_error();
}

}  // namespace

std::string last_tls_error() {
  const unsigned long code = ERR_peek_last_error();  // NOLINT(google-runtime-int): OpenSSL's type
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return reason == nullptr ? "no reason is known" : reason;
}

TlsContext::TlsContext(const Tls& tls) {
  // Its configuration file could load modules of another OpenSSL than the one in this program.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  context_.reset(SSL_CTX_new(TLS_client_method()));
  if (!context_) {
    error_ = last_tls_error();
    return;
  }
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context_.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  if (!tls.insecure) {
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    if (tls.ca.empty()) {
      load_those_of_system();
    } else {
      load_authorities(tls.ca);
    }
  }
  if (error_.empty() && !tls.cert.empty()) load_own(tls);
}

void TlsContext::load_authorities(const std::string& path) {
  struct stat info {};
  const bool is_directory = stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  if (is_directory && !has_hashed_names(path.c_str())) {
    error_ = "the directory " + util::escape(path) + " of --tls-cacert has no hashed certificates: run openssl rehash on it";
    return;
  }
  const int loaded = is_directory ? SSL_CTX_load_verify_dir(context_.get(), path.c_str())
                                  : SSL_CTX_load_verify_file(context_.get(), path.c_str());
  if (loaded != 1) error_ = unreadable("the file of --tls-cacert", path);
}

// SSL_CERT_FILE and SSL_CERT_DIR name others, as for every program with OpenSSL.
void TlsContext::load_those_of_system() {
  const std::string file = util::from_environment("SSL_CERT_FILE");
  const std::string directory = util::from_environment("SSL_CERT_DIR");
  if (!file.empty() || !directory.empty()) {
    if (!file.empty()) SSL_CTX_load_verify_file(context_.get(), file.c_str());
    if (!directory.empty()) SSL_CTX_load_verify_dir(context_.get(), directory.c_str());
    return;
  }
  bool found = false;
  for (const char* path : directories) {
    if (has_hashed_names(path)) found = SSL_CTX_load_verify_dir(context_.get(), path) == 1 || found;
  }
  for (const char* path : bundles) {
    if (!found && access(path, R_OK) == 0) found = SSL_CTX_load_verify_file(context_.get(), path) == 1;
  }
  ERR_clear_error();
}

void TlsContext::load_own(const Tls& tls) {
  const std::string& key = tls.key.empty() ? tls.cert : tls.key;
  // Without a terminal to ask for a passphrase on, an encrypted key can't be used; and nobody answers in a crontab.
  SSL_CTX_set_default_passwd_cb(context_.get(), [](char*, int, int, void*) { return 0; });
  if (SSL_CTX_use_certificate_chain_file(context_.get(), tls.cert.c_str()) != 1) {
    error_ = unreadable("the file of --tls-cert", tls.cert);
  } else if (SSL_CTX_use_PrivateKey_file(context_.get(), key.c_str(), SSL_FILETYPE_PEM) != 1) {
    const bool is_another = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
                            ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH;
    if (!is_another) {
      error_ = unreadable("the file of --tls-key", key);
      return;
    }
    error_ = "the key in " + util::escape(key) + " does not belong to the certificate in " + util::escape(tls.cert);
    ERR_clear_error();
  }
}

}  // namespace condolock::engine::redis
