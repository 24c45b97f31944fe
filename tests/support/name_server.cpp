#include "support/name_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

namespace support {
namespace {

// The format of messages: RFC 1035, 4.1.
constexpr std::size_t header_size = 12;
constexpr std::uint16_t type_a = 1;
constexpr std::uint16_t type_cname = 5;
constexpr std::uint16_t type_aaaa = 28;

struct Question {
  std::string name;
  std::uint16_t type = 0;
  std::size_t end = 0;  // end of the question in the query; 0: there is none
};

Question question_of(std::string_view query) {
  Question question;
  std::size_t at = header_size;
  while (at < query.size() && query[at] != 0) {
    const auto length = static_cast<unsigned char>(query[at]);
    if (!question.name.empty()) question.name += '.';
    question.name += query.substr(at + 1, length);
    at += 1U + length;
  }
  if (query.size() < at + 5) return {};
  question.type = static_cast<unsigned char>(query[at + 2]);
  question.end = at + 5;
  return question;
}

std::string two_bytes(std::size_t number) { return {static_cast<char>(number >> 8U), static_cast<char>(number & 255U)}; }

std::string labels(const std::string& name) {
  std::string out;
  std::istringstream parts(name);
  for (std::string part; std::getline(parts, part, '.');) out += static_cast<char>(part.size()) + part;
  return out + '\0';
}

std::string record(const std::string& owner, std::uint16_t type, const std::string& data) {
  const std::string internet_for_a_minute("\0\1\0\0\0\x3C", 6);
  return labels(owner) + two_bytes(type) + internet_for_a_minute + two_bytes(data.size()) + data;
}

// The address in network byte order; empty if the text is no address of this type.
std::string address_bytes(const std::string& text, std::uint16_t type) {
  std::array<char, sizeof(in6_addr)> bytes{};
  if (inet_pton(type == type_a ? AF_INET : AF_INET6, text.c_str(), bytes.data()) != 1) return "";
  return {bytes.data(), type == type_a ? sizeof(in_addr) : sizeof(in6_addr)};
}

struct Answers {
  std::string records;
  std::size_t count = 0;
};

Answers answers_for(const NameServer::Names& names, const Question& question) {
  Answers out;
  std::string owner = question.name;
  for (auto found = names.find(owner); found != names.end();) {
    std::istringstream words(found->second);
    std::string alias;
    for (std::string word; words >> word;) {
      const std::string bytes = address_bytes(word, question.type);
      if (!bytes.empty()) {
        out.records += record(owner, question.type, bytes);
        ++out.count;
      } else if (address_bytes(word, type_a).empty() && address_bytes(word, type_aaaa).empty()) {
        alias = word;
      }
    }
    if (alias.empty()) break;
    out.records += record(owner, type_cname, labels(alias));
    ++out.count;
    owner = alias;
    found = names.find(owner);
  }
  return out;
}

}  // namespace

NameServer::NameServer(Names names, Manner manner, const std::string& host, std::uint16_t port, std::string log)
    : names_(std::move(names)), manner_(manner), log_(std::move(log)), stop_(eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in own{};
  own.sin_family = AF_INET;
  const auto* name = reinterpret_cast<const sockaddr*>(&own);
  bool bound = false;
  // With port 0, the port that UDP got may already be in use for TCP.
  for (int tries = 0; tries < 20 && !bound; ++tries) {
    own.sin_port = htons(port);
    udp_ = condolock::util::Fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    tcp_ = condolock::util::Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    socklen_t length = sizeof own;
    bound = inet_pton(AF_INET, host.c_str(), &own.sin_addr) == 1 && bind(udp_.get(), name, sizeof own) == 0 &&
            getsockname(udp_.get(), reinterpret_cast<sockaddr*>(&own), &length) == 0 &&
            bind(tcp_.get(), name, sizeof own) == 0 && listen(tcp_.get(), 16) == 0;
  }
  if (!bound || !stop_) throw std::system_error(errno, std::generic_category(), "name server");
  if (!log_.empty()) std::ofstream(log_, std::ios::app).flush();
  thread_ = std::thread([this] { serve(); });
}

NameServer::~NameServer() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
}

std::string NameServer::address() const {
  sockaddr_in own{};
  socklen_t length = sizeof own;
  getsockname(udp_.get(), reinterpret_cast<sockaddr*>(&own), &length);
  return "127.0.0.1:" + std::to_string(ntohs(own.sin_port));
}

void NameServer::serve() {
  for (;;) {
    std::array<pollfd, 3> fds{{{udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    poll(fds.data(), fds.size(), -1);
    if (fds[2].revents != 0) return;
    if (fds[0].revents != 0) serve_udp();
    if (fds[1].revents != 0) serve_tcp();
  }
}

void NameServer::serve_udp() {
  std::array<char, 512> query{};
  sockaddr_in from{};
  socklen_t length = sizeof from;
  const ssize_t got = recvfrom(udp_.get(), query.data(), query.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
  if (got <= 0) return;
  const std::string answer = answer_to({query.data(), static_cast<std::size_t>(got)}, true);
  if (answer.empty()) return;
  sendto(udp_.get(), answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&from), length);
}

// Serves one connection at a time. A message's length precedes it.
void NameServer::serve_tcp() {
  const condolock::util::Fd connection(accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  std::array<char, 512> query{};
  for (;;) {
    std::array<pollfd, 2> fds{{{connection.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    poll(fds.data(), fds.size(), -1);
    if (fds[1].revents != 0 || recv(connection.get(), query.data(), 2, MSG_WAITALL) != 2) return;
    const std::size_t size = static_cast<unsigned char>(query[0]) * 256U + static_cast<unsigned char>(query[1]);
    if (size > query.size() || recv(connection.get(), query.data(), size, MSG_WAITALL) != static_cast<ssize_t>(size)) return;
    const std::string answer = answer_to({query.data(), size}, false);
    if (answer.empty()) continue;
    const std::string message = two_bytes(answer.size()) + answer;
    send(connection.get(), message.data(), message.size(), MSG_NOSIGNAL);
  }
}

// Empty: no answer.
std::string NameServer::answer_to(std::string_view query, bool udp) const {
  const Question question = question_of(query);
  if (question.end == 0) return "";
  if (!log_.empty()) {
    std::ofstream(log_, std::ios::app) << (udp ? "udp " : "tcp ") << question.name
                                       << (question.type == type_aaaa ? " AAAA" : " A") << std::endl;
  }
  if (manner_ == Manner::silent) return "";
  if (manner_ == Manner::babbles) return std::string(query.substr(0, 2)) + "\xff\xff\xff\xff garbage \xc0\xc0";
  const bool cut = manner_ == Manner::truncates && udp;
  const Answers answers = cut ? Answers{} : answers_for(names_, question);
  const bool known = names_.find(question.name) != names_.end();
  std::string out(query.substr(0, question.end));
  out[2] = cut ? '\x83' : '\x81';  // a response
  out[3] = manner_ == Manner::fails ? '\x82' : (known ? '\x80' : '\x83');
  out.replace(6, 6, two_bytes(manner_ == Manner::fails ? 0 : answers.count) + std::string(4, '\0'));
  return manner_ == Manner::fails ? out : out + answers.records;
}

}  // namespace support
