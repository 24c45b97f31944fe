#include "chaos/etcd.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace chaos {

Etcd::Etcd() {
  start();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (;;) {
    std::stringstream log;
    log << std::ifstream(directory_.path() + "/log").rdbuf();
    if (log.str().find("ready to serve client requests") != std::string::npos) return;
    if (waitpid(pid_, nullptr, WNOHANG) != 0 || std::chrono::steady_clock::now() > until) {
      throw std::runtime_error("etcd did not come up: " + log.str());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Etcd::~Etcd() {
  if (pid_ > 0) kill();
}

void Etcd::kill() {
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void Etcd::start() {
  // etcd takes such a name, client:0, as a Unix socket, and does not remove the socket of a killed etcd.
  unlink(socket().c_str());
  unlink((directory_.path() + "/peer:0").c_str());
  pid_ = fork();
  if (pid_ != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int log = open((directory_.path() + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  if (chdir(directory_.path().c_str()) == 0) {
    execlp("etcd", "etcd", "--data-dir", "data", "--listen-client-urls", "unix://client:0", "--advertise-client-urls",
           "unix://client:0", "--listen-peer-urls", "unix://peer:0", "--initial-advertise-peer-urls", "unix://peer:0",
           "--initial-cluster", "default=unix://peer:0", static_cast<char*>(nullptr));
  }
  _exit(127);
}

}  // namespace chaos
