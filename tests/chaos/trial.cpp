#include "chaos/trial.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "chaos/judge.hpp"
#include "chaos/log.hpp"
#include "chaos/plan.hpp"
#include "chaos/proxy.hpp"
#include "chaos/server.hpp"
#include "chaos/tool.hpp"
#include "sim/dice.hpp"
#include "support/temporary_directory.hpp"

namespace chaos {
namespace {

using condolock::sim::Dice;

struct Host {
  std::unique_ptr<Proxy> proxy;
  std::string socket;
  pid_t tool = 0;  // 0: not running
  std::size_t start = 0;
  Nanos next = 0;  // when the next run begins
  // The last run whose condolock or keeper was killed or stopped. If both were, the promise does not hold for it.
  std::int64_t tool_hurt = -1;
  std::int64_t keeper_hurt = -2;
};

// Something that happens at a moment.
struct Event {
  Nanos at;
  std::function<void()> what;
};

std::string text_of(const std::string& path) {
  std::stringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

std::vector<pid_t> children_of(pid_t pid) {
  std::istringstream text(text_of("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children"));
  std::vector<pid_t> out;
  for (pid_t child = 0; text >> child;) out.push_back(child);
  return out;
}

pid_t keeper_of(pid_t tool) {
  for (const pid_t child : children_of(tool)) {
    if (text_of("/proc/" + std::to_string(child) + "/comm") == "lease-keeper\n") return child;
  }
  return 0;
}

class Trial {
 public:
  Trial(std::uint64_t seed, const Setting& setting, Result& result)
      : setting_(setting), result_(result), dice_(seed), server_(setting.tool->needs) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    setenv("CHAOS_LOG", (directory_.path() + "/log").c_str(), 1);
    plan_.seed = seed;
    plan_.is_common = setting.is_common;
    // With its defaults, etcd's shortest lease is two seconds.
    plan_.lease = setting.is_common ? 2000 : dice_.between(1000, 3000);
    plan_.hosts = static_cast<std::size_t>(dice_.between(2, 4));
    hosts_.resize(plan_.hosts);
    began_ = now();
    end_ = began_ + ms(3 * plan_.lease);
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
      hosts_[i].socket = directory_.path() + "/" + std::to_string(i);
      if (server_.exists()) hosts_[i].proxy = std::make_unique<Proxy>(hosts_[i].socket, server_.socket());
      hosts_[i].next = began_ + ms(dice_.between(0, 100));
    }
    result_.half_margin = ms(plan_.lease / 10) / 2;
  }

  void play() {
    const std::vector<Harm> harms = plan_faults(plan_);
    is_calm_ = harms.empty();
    for (const Harm& harm : harms) {
      if (server_.exists() || is_on_tool(harm.fault)) at(began_ + ms(harm.at), [this, harm] { do_harm(harm); });
    }
    while (now() < end_) step(true);
    calm_down();
    const Nanos deadline = now() + ms(30'000);
    while (now() < deadline && std::ranges::any_of(hosts_, [](const Host& host) { return host.tool != 0; })) step(false);
    for (const Host& host : hosts_) {
      if (host.tool != 0) break_rule("a run did not end within 30 s after all faults were over");
    }
    if (setting_.is_common) outlive_orphans();
    judge_trial();
  }

  // The processes of a trial are all descendants of it, since it adopts their orphans.
  static void kill_descendants() {
    for (;;) {
      for (const pid_t child : children_of(getpid())) kill(child, SIGKILL);
      if (waitpid(-1, nullptr, 0) < 0 && errno == ECHILD) return;
    }
  }

 private:
  void show(const std::string& what) const {
    if (setting_.shown)
      std::fprintf(stderr, "%6lld ms  %s\n", static_cast<long long>((now() - began_) / 1'000'000), what.c_str());
  }
  void break_rule(const std::string& why) {
    ++result_.wrong;
    chaos::break_rule(result_, why);
  }

  bool is_condolock() const { return setting_.tool == tools().data(); }

  // ---- runs

  void start_run(Host& host) {
    Start start;
    start.run = static_cast<std::int64_t>(starts_.size()) + 1;
    Wish wish;
    wish.condolock = setting_.condolock;
    wish.scripts = setting_.scripts;
    wish.key = "job";
    wish.socket = host.socket;
    wish.directory = directory_.path();
    plan_run(plan_, start.run, {setting_.condolock, setting_.chaos, server_.socket(), is_condolock()}, wish);
    start.leaves = wish.leftovers == "leave";
    setenv("CHAOS_RUN", std::to_string(start.run).c_str(), 1);
    host.tool = spawn(setting_.tool->command(wish));
    if (host.tool == 0) break_rule(std::string(setting_.tool->name) + " could not be started");
    host.start = starts_.size();
    starts_.push_back(start);
  }

  // 0: the tool could not be started.
  pid_t spawn(std::vector<std::string> words) const {
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);  // as a shell or cron does
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    const std::string log = directory_.path() + "/messages";
    if (!setting_.shown) posix_spawn_file_actions_addopen(&files, 2, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    pid_t pid = 0;
    if (posix_spawnp(&pid, argv[0], &files, &attributes, argv.data(), environ) != 0) pid = 0;
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return pid;
  }

  void reap() {
    int status = 0;
    for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      const auto host = std::ranges::find(hosts_, pid, &Host::tool);
      if (host == hosts_.end()) continue;  // the server, or an adopted orphan
      Start& start = starts_[host->start];
      start.ended = now();
      if (WIFEXITED(status)) start.exit_code = WEXITSTATUS(status);
      if (start.exit_code != 75) {
        show("run " + std::to_string(start.run) + " ends with " +
             (start.exit_code ? std::to_string(*start.exit_code) : "signal " + std::to_string(WTERMSIG(status))));
      }
      // 7: the command's own code; 75: another run was first; 124: --timeout.
      const int code = start.exit_code.value_or(-1);
      if (is_calm_ && code != 0 && code != 7 && code != 75 && code != 124) {
        break_rule("nothing went wrong, and run " + std::to_string(start.run) + " ended with " + std::to_string(code));
      }
      host->tool = 0;
      host->next = now() + ms(setting_.is_common ? dice_.between(100, 600) : dice_.between(0, 100));
    }
  }

  void step(bool starts_runs) {
    std::vector<pollfd> fds;
    for (const Host& host : hosts_) {
      if (host.proxy) host.proxy->wait_for(fds);
    }
    poll(fds.data(), fds.size(), 3);
    for (Host& host : hosts_) {
      if (host.proxy) host.proxy->pump();
    }
    reap();
    for (Host& host : hosts_) {
      if (starts_runs && host.tool == 0 && now() >= host.next) start_run(host);
    }
    while (!events_.empty() && events_.back().at <= now()) {
      const auto what = std::move(events_.back().what);
      events_.pop_back();
      what();
    }
  }

  // ---- faults

  void at(Nanos when, std::function<void()> what) {
    events_.push_back({when, std::move(what)});
    std::ranges::sort(events_, std::ranges::greater{}, &Event::at);
  }

  bool is_holder(const Host& host) const {
    if (host.tool == 0) return false;
    const std::int64_t run = starts_[host.start].run;
    return keeper_of(host.tool) != 0 ||
           std::ranges::any_of(log_.lives(), [&](const Life* life) { return life->run == run; });
  }

  Host& victim(const Harm& harm) {
    const auto holder =
        harm.on_holder ? std::ranges::find_if(hosts_, [this](const Host& host) { return is_holder(host); }) : hosts_.end();
    return holder == hosts_.end() ? hosts_[harm.host] : *holder;
  }

  static void signal(pid_t pid, int number) {
    if (pid > 0) kill(pid, number);
  }

  void stop_for_a_while(const std::vector<pid_t>& pids, Nanos length) {
    for (const pid_t pid : pids) signal(pid, SIGSTOP);
    at(now() + length, [pids] {
      for (const pid_t pid : pids) signal(pid, SIGCONT);
    });
  }

  void do_harm(const Harm& harm) {
    const Fault fault = harm.fault;
    const Nanos length = ms(harm.length);
    if (server_.is_away() && is_on_server(fault)) return;
    Host& host = victim(harm);
    const pid_t keeper = host.tool == 0 ? 0 : keeper_of(host.tool);
    if (is_on_keeper(fault) && keeper == 0) return;
    ++result_.faults.at(static_cast<std::size_t>(fault));
    const std::int64_t run = host.tool == 0 ? 0 : starts_[host.start].run;
    show(std::string(fault_names.at(static_cast<std::size_t>(fault))) + " (run " + std::to_string(run) + ")");
    if (is_on_keeper(fault) || is_on_tool(fault)) {
      if (fault != Fault::term_tool && fault != Fault::kill_keeper && fault != Fault::stop_keeper) host.tool_hurt = run;
      if (is_on_keeper(fault)) host.keeper_hurt = run;
      result_.is_outside = result_.is_outside || host.tool_hurt == host.keeper_hurt;
      harm_processes(fault, host.tool, keeper, length);
    } else if (is_on_server(fault)) {
      harm_server(fault, length);
    } else {
      harm_network(fault, *host.proxy, length, ms(harm.delay));
    }
  }

  void harm_processes(Fault fault, pid_t tool, pid_t keeper, Nanos length) {
    switch (fault) {
      case Fault::kill_tool:
        return signal(tool, SIGKILL);
      case Fault::kill_keeper:
        return signal(keeper, SIGKILL);
      case Fault::kill_both:
        signal(keeper, SIGKILL);
        return signal(tool, SIGKILL);
      case Fault::stop_tool:
        return stop_for_a_while({tool}, length);
      case Fault::stop_keeper:
        return stop_for_a_while({keeper}, length);
      case Fault::stop_both:
        return stop_for_a_while({keeper, tool}, length);
      default:
        return signal(tool, SIGTERM);
    }
  }

  void harm_network(Fault fault, Proxy& proxy, Nanos length, Nanos delay) {
    switch (fault) {
      case Fault::blackhole:
        proxy.blackhole = true;
        return at(now() + length, [&proxy] { proxy.blackhole = false; });
      case Fault::delay:
        proxy.delay = delay;
        return at(now() + length, [&proxy] { proxy.delay = 0; });
      case Fault::repeat:
        proxy.repeat = true;
        proxy.cut();
        return at(now() + length, [&proxy] { proxy.repeat = false; });
      case Fault::drop_reply:
        return proxy.drop_reply();
      default:
        return proxy.cut();
    }
  }

  void harm_server(Fault fault, Nanos length) {
    switch (fault) {
      case Fault::kill_server:
        server_.kill();
        return at(now() + length, [this] { server_.bring_back(); });
      case Fault::stop_server:
        server_.stop();
        return at(now() + length, [this] { server_.bring_back(); });
      case Fault::full_memory:
        server_.fill_memory();
        return at(now() + length, [this] { server_.empty_memory(); });
      case Fault::revoke:
        ask({"unlock", "-q", "job"});
        return;
      default:
        server_.redis().command({"SCRIPT", "FLUSH"});
    }
  }

  void calm_down() {
    show("all faults are over");
    std::ranges::sort(events_, {}, &Event::at);
    server_.bring_back();
    // The remaining events undo a fault or cause a last one.
    for (const Event& event : std::exchange(events_, {})) event.what();
    server_.bring_back();
    for (const Event& event : std::exchange(events_, {})) event.what();
    for (Host& host : hosts_) {
      if (host.proxy) {
        host.proxy->blackhole = false;
        host.proxy->delay = 0;
      }
      if (host.tool != 0) {
        signal(keeper_of(host.tool), SIGCONT);
        signal(host.tool, SIGCONT);
      }
    }
  }

  // ---- the end

  // The comparison includes how long orphans live, so they may live until they end by themselves.
  void outlive_orphans() {
    const auto lives_now = [](const Life* life) { return now() - life->last < ms(200); };
    const Nanos deadline = now() + ms(10'000);
    while (now() < deadline && std::ranges::any_of(log_.lives(), lives_now)) step(false);
  }

  // Runs condolock on the server directly, and returns its output. The exit code is in exit_code_.
  std::string ask(const std::vector<std::string>& words) {
    const std::string file = directory_.path() + "/answer";
    std::string line = "exec '" + setting_.condolock + "' --url 'unix://" + server_.socket() + "'";
    for (const std::string& word : words) line += " '" + word + "'";
    const int status = std::system((line + " >'" + file + "' 2>&1").c_str());
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return text_of(file);
  }

  // condolock's record of the trial.
  nlohmann::json record() {
    // A killed run could not release its lease, so wait until that has ended.
    const std::string answer =
        ask({"run", "-q", "--key", "job", "--wait", std::to_string(plan_.lease + 2000) + "ms", "--", "true"});
    if (exit_code_ != 0) break_rule("after the end nobody gets the lease: " + answer);
    if (server_.redis().command({"HGET", "{condolock}:job:job", "h_token"}) != "(nil)") break_rule("a lease is left");
    const auto history = nlohmann::json::parse(ask({"history", "--json", "--limit", "1000", "job"}), nullptr, false);
    if (history.is_discarded()) {
      break_rule("the history is no JSON");
      return nullptr;
    }
    auto rows = history;
    auto& runs = rows.at("runs");
    // The last run, above, does not belong to the trial.
    if (!runs.empty()) runs.erase(runs.begin());
    return rows;
  }

  void judge_trial() {
    const nlohmann::json history = is_condolock() ? record() : nullptr;
    // Processes that the runs left may still be alive.
    judge(starts_, log_.lives(), history, result_);
    if (setting_.shown) {
      for (const Life* life : log_.lives()) {
        std::fprintf(stderr, "run %lld, fence %lld, pid %d: %lld to %lld ms%s%s\n", static_cast<long long>(life->run),
                     static_cast<long long>(life->fence), life->pid,
                     static_cast<long long>((life->first - began_) / 1'000'000),
                     static_cast<long long>((life->last - began_) / 1'000'000), life->left != 0 ? ", left behind" : "",
                     life->done != 0 ? ", done" : "");
      }
    }
  }

  const Setting& setting_;
  Result& result_;
  Dice dice_;  // for the setting and the pauses
  Nanos began_ = now();
  Nanos end_ = 0;
  PlanSetting plan_;
  support::TemporaryDirectory directory_;
  Log log_{directory_.path() + "/log"};
  Server server_;
  bool is_calm_ = false;  // this trial has no faults
  std::vector<Host> hosts_;
  std::vector<Start> starts_;
  std::vector<Event> events_;  // the next one is last
  int exit_code_ = 0;
};

}  // namespace

void play(std::uint64_t seed, const Setting& setting, const Stalls& stalls, Result& result) {
  const Nanos began = now();
  {
    Trial trial(seed, setting, result);
    trial.play();
  }
  Trial::kill_descendants();
  result.worst_stall = worst_between(stalls, began, now());
  result.is_over = true;
}

}  // namespace chaos
