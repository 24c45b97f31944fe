#include "process/processes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <exception>
#include <fstream>
#include <stdexcept>

namespace support {
namespace {

using condolock::BootClock;
using condolock::Instant;
using condolock::Millis;
using condolock::process::Keeper;
using condolock::process::SpawnError;
using condolock::util::Fd;

constexpr Millis long_enough{20'000};

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    reader = Fd(ends[0]);
    writer = Fd(ends[1]);
  }
  Fd reader;
  Fd writer;
};

std::string made_fifo(const TemporaryDirectory& directory) {
  std::string path = directory.path() + "/fifo";
  if (mkfifo(path.c_str(), 0600) != 0) throw std::runtime_error("mkfifo " + path);
  return path;
}

std::variant<Keeper, SpawnError> spawn(const std::vector<std::string>& argv, const condolock::process::CallerSignals& caller,
                                       const std::vector<std::string>& environment, int out,
                                       const condolock::process::Deadlines& deadlines) {
  const Fd original(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  dup2(out, STDOUT_FILENO);
  auto result = Keeper::start({argv, environment}, caller, deadlines, started_by());
  dup2(original.get(), STDOUT_FILENO);
  return result;
}

}  // namespace

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) {
    if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

std::string pending(condolock::process::Signals& signals) {
  std::string out;
  while (const auto received = signals.next()) out += std::to_string(received->number) + (received->to_group ? "g " : " ");
  return out;
}

std::set<int> inheritable_descriptors() {
  std::set<int> out;
  for (int fd = 0; fd < 256; ++fd) {
    const int flags = fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0) out.insert(fd);
  }
  return out;
}

void wait_for(int fd, short events) {
  const Instant until = BootClock::now() + long_enough;
  for (;;) {
    const auto left = std::chrono::duration_cast<Millis>(until - BootClock::now());
    if (left <= Millis(0)) throw std::runtime_error("nothing happened in time");
    pollfd each{fd, events, 0};
    if (poll(&each, 1, static_cast<int>(left.count())) > 0) return;
  }
}

bool LineReader::fill() {
  for (;;) {
    wait_for(fd_.get(), POLLIN);
    std::array<char, 4096> bytes{};
    const ssize_t length = read(fd_.get(), bytes.data(), bytes.size());
    if (length < 0 && errno == EAGAIN) continue;
    if (length <= 0) return false;
    buffer_.append(bytes.data(), static_cast<std::size_t>(length));
    return true;
  }
}

std::string LineReader::line() {
  while (buffer_.find('\n') == std::string::npos) {
    if (!fill()) return "(end)";
  }
  const std::size_t end = buffer_.find('\n');
  std::string out = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return out;
}

std::string LineReader::rest() {
  while (fill()) {
  }
  return std::exchange(buffer_, "");
}

Fifo::Fifo() : path_(made_fifo(directory_)) { lines_.emplace(Fd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC))); }

// Read and write, so that the line stays in the FIFO until a process reads it.
Gate::Gate() : path_(made_fifo(directory_)), fd_(::open(path_.c_str(), O_RDWR | O_CLOEXEC)) {}

void Gate::open() const {
  if (write(fd_.get(), "\n", 1) != 1) throw std::runtime_error("cannot open the gate");
}

condolock::process::Keeper::By& started_by() {
  static Keeper::By by = Keeper::By::clone;
  return by;
}

void Started::look() {
  pending(signals());
  for (auto& each : keeper.look()) seen_.push_back(each);
}

void Started::end() {
  if (keeper.is_empty()) return;
  keeper.stop(SIGKILL);
  keeper.let_go();
  keeper.wait();
}

Started& Started::operator=(Started&& other) noexcept {
  end();
  keeper = std::move(other.keeper);
  out = std::move(other.out);
  seen_ = std::move(other.seen_);
  return *this;
}

Started::~Started() { end(); }

Started start(const std::vector<std::string>& argv, const condolock::process::CallerSignals& caller,
              const std::vector<std::string>& environment, const condolock::process::Deadlines& deadlines) {
  Pipe pipe;
  auto result = spawn(argv, caller, environment, pipe.writer.get(), deadlines);
  if (!std::holds_alternative<Keeper>(result)) throw std::runtime_error("cannot start " + argv[0]);
  Started started(std::get<Keeper>(std::move(result)), LineReader(std::move(pipe.reader)));
  pipe.writer.reset();
  started.await<condolock::process::news::Started>();
  return started;
}

Started start_shell(const std::string& script, const condolock::process::Deadlines& deadlines) {
  return start({"sh", "-c", script}, signals().caller(), {"PATH=/usr/bin:/bin"}, deadlines);
}

SpawnError failed_start(const std::vector<std::string>& argv) {
  Pipe pipe;
  auto result = spawn(argv, signals().caller(), {}, pipe.writer.get(), {});
  if (const auto* error = std::get_if<SpawnError>(&result)) return *error;
  Started started(std::get<Keeper>(std::move(result)), LineReader(std::move(pipe.reader)));
  SpawnError error = started.await<condolock::process::news::NotStarted>().error;
  if (started.has<condolock::process::news::Gone>()) throw std::runtime_error("the keeper was taken for a killed one");
  return error;
}

void wait_until(const std::function<bool()>& holds) {
  const Instant until = BootClock::now() + long_enough;
  while (!holds()) {
    if (BootClock::now() > until) throw std::runtime_error("it did not happen in time");
    poll(nullptr, 0, 1);
  }
}

char state_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t end = text.rfind(')');
  return end == std::string::npos || end + 2 >= text.size() ? ' ' : text[end + 2];
}

void wait_until_ended(pid_t pid) {
  wait_until([pid] { return state_of(pid) == ' ' || state_of(pid) == 'Z'; });
}

void wait_until_stopped(pid_t pid) {
  wait_until([pid] { return state_of(pid) == 'T'; });
}

std::string in_forked_process(const std::function<std::string()>& function) {
  Pipe pipe;
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("fork");
  if (pid == 0) {
    std::string text;
    try {
      text = function();
    } catch (const std::exception& error) {
      text = std::string("exception: ") + error.what();
    }
    const ssize_t written = write(pipe.writer.get(), text.data(), text.size());
    _exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  pipe.writer.reset();
  LineReader reader(std::move(pipe.reader));
  std::string out;
  try {
    out = reader.rest();
  } catch (const std::exception& error) {
    out = error.what();
    kill(pid, SIGKILL);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (!WIFEXITED(status)) out += " ended by signal " + std::to_string(WTERMSIG(status));
  return out;
}

}  // namespace support
