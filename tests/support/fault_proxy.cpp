// A proxy between the program and a server, on Unix sockets: fault_proxy LISTEN UPSTREAM LOG [drop-reply=N]...
//
// LOG gets a line for each event: "connect"; ">" and "<" for bytes passed on to and from the server; "drop" for a reply that
// was dropped. drop-reply=N drops the Nth reply of the server, counted over all connections from 1. USR1: from now on all
// bytes are held back, as on a dead network. USR2: bytes flow again, first those that were held back.
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/redis/resp.hpp"
#include "util/fd.hpp"

using condolock::util::Fd;

namespace {

struct Pair {
  Fd client;
  Fd server;
  condolock::engine::redis::RespReader reader;
};

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

class Proxy {
 public:
  Proxy(const std::string& listen_path, std::string upstream, const std::string& log, std::set<int> dropped)
      : upstream_(std::move(upstream)),
        log_(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)),
        dropped_(std::move(dropped)) {
    // Before the socket is there: a test signals as soon as it is.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGUSR2);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    signals_ = Fd(signalfd(-1, &signals, SFD_CLOEXEC));
    listener_ = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // The name appears when connections are accepted.
    const std::string unfinished = listen_path + ".new";
    const sockaddr_un address = address_of(unfinished);
    unlink(unfinished.c_str());
    if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener_.get(), 64) != 0 || rename(unfinished.c_str(), listen_path.c_str()) != 0) {
      std::perror("listen");
      std::exit(1);
    }
  }

  void serve() {
    for (;;) {
      std::vector<pollfd> fds{{signals_.get(), POLLIN, 0}};
      if (!held_) {
        fds.push_back({listener_.get(), POLLIN, 0});
        for (const auto& pair : pairs_) {
          fds.push_back({pair->client.get(), POLLIN, 0});
          fds.push_back({pair->server.get(), POLLIN, 0});
        }
      }
      poll(fds.data(), fds.size(), -1);
      if (fds[0].revents != 0) {
        signalfd_siginfo info{};
        held_ = read(signals_.get(), &info, sizeof info) > 0 && info.ssi_signo == SIGUSR1;
        continue;
      }
      if (held_) continue;
      for (std::size_t i = 0; i < pairs_.size(); ++i) {
        if (fds[2 + 2 * i].revents != 0) pass(*pairs_[i], true);
        if (pairs_[i]->client && fds[3 + 2 * i].revents != 0) pass(*pairs_[i], false);
      }
      std::erase_if(pairs_, [](const auto& pair) { return !pair->client; });
      if (fds[1].revents != 0) accept();
    }
  }

 private:
  void note(const std::string& line) { static_cast<void>(!write(log_.get(), (line + "\n").c_str(), line.size() + 1)); }

  void accept() {
    auto pair = std::make_unique<Pair>();
    pair->client = Fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    pair->server = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = address_of(upstream_);
    if (connect(pair->server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
    note("connect");
    pairs_.push_back(std::move(pair));
  }

  void pass(Pair& pair, bool to_server) {
    const Fd& from = to_server ? pair.client : pair.server;
    const Fd& to = to_server ? pair.server : pair.client;
    std::array<char, 65536> buffer{};
    const ssize_t length = read(from.get(), buffer.data(), buffer.size());
    if (length <= 0) {
      pair.client.reset();
      pair.server.reset();
      return;
    }
    const auto size = static_cast<std::size_t>(length);
    bool drop = false;
    if (!to_server) {
      pair.reader.feed({buffer.data(), size});
      while (pair.reader.next()) drop = dropped_.contains(++replies_) || drop;
    }
    note(drop ? "drop" : to_server ? ">" : "<");
    if (!drop) static_cast<void>(send(to.get(), buffer.data(), size, MSG_NOSIGNAL));
  }

  std::string upstream_;
  Fd log_;
  std::set<int> dropped_;
  Fd listener_;
  Fd signals_;
  std::vector<std::unique_ptr<Pair>> pairs_;
  int replies_ = 0;
  bool held_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (argc < 4) return 64;
  std::set<int> dropped;
  for (int i = 4; i < argc; ++i) dropped.insert(std::atoi(argv[i] + std::string("drop-reply=").size()));
  Proxy(argv[1], argv[2], argv[3], dropped).serve();
}
