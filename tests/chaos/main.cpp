// chaos: real runs of condolock on several hosts, with faults. See usage() and docs/chaos.md.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chaos/log.hpp"
#include "chaos/processes.hpp"
#include "chaos/result.hpp"
#include "chaos/stalls.hpp"
#include "chaos/tool.hpp"
#include "chaos/trial.hpp"
#include "util/number.hpp"

namespace {

using namespace chaos;

struct Options {
  std::int64_t trials = 100;
  std::uint64_t seed = 1;
  std::int64_t at_once = 12;
  bool compares = false;  // all tools in one table
  Setting setting;
};

[[noreturn]] void usage(const std::string& problem) {
  if (!problem.empty()) std::fprintf(stderr, "chaos: %s\n\n", problem.c_str());
  std::fputs(
      "chaos [--trials N] [--seed S]   play N trials (100), with the seeds from S (1) on; 1 if a rule breaks\n"
      "  --at-once N                   so many trials at a time (12)\n"
      "  --show                        say what happens in each trial; best with --trials 1\n"
      "  --condolock FILE              the program to try ($CONDOLOCK)\n"
      "  --common-faults               only what all of the following tools understand\n"
      "  --tool NAME                   the same with flock, etcdctl, redis-script, cronlock or cronlock-short\n"
      "  --rivals                      the same with each of them, in one table (docs/rivals.md)\n",
      problem.empty() ? stdout : stderr);
  std::exit(problem.empty() ? 0 : 64);
}

template <class T>
T number(std::string_view option, const char* text, T max) {
  const auto value = condolock::util::parse_number<T>(text == nullptr ? "" : text);
  if (!value || *value < 1 || *value > max) usage(std::string(option) + " needs a number from 1 to " + std::to_string(max));
  return *value;
}

Options parse(int argc, char** argv) {
  Options options;
  options.setting.scripts = CHAOS_SCRIPTS;
  if (const char* program = std::getenv("CONDOLOCK"); program != nullptr) options.setting.condolock = program;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto value = [&] { return ++i < argc ? argv[i] : nullptr; };
    if (word == "--help") usage("");
    if (word == "--trials") {
      options.trials = number<std::int64_t>(word, value(), 1'000'000);
    } else if (word == "--seed") {
      options.seed = number<std::uint64_t>(word, value(), 1'000'000'000'000);
    } else if (word == "--at-once") {
      options.at_once = number<std::int64_t>(word, value(), 500);
    } else if (word == "--condolock") {
      const char* program = value();
      options.setting.condolock = program == nullptr ? "" : program;
    } else if (word == "--common-faults") {
      options.setting.is_common = true;
    } else if (word == "--rivals") {
      options.compares = true;
      options.setting.is_common = true;
    } else if (word == "--tool") {
      const char* name = value();
      options.setting.tool = tool_named(name == nullptr ? "" : name);
      if (options.setting.tool == nullptr) usage("there is no tool '" + std::string(name == nullptr ? "" : name) + "'");
      if (options.setting.tool != tools().data()) options.setting.is_common = true;
    } else if (word == "--show") {
      options.setting.shown = true;
    } else {
      usage("there is no option '" + std::string(word) + "'");
    }
  }
  if (options.setting.condolock.empty()) usage("which program? --condolock FILE, or CONDOLOCK in the environment");
  if (access(options.setting.condolock.c_str(), X_OK) != 0) usage("cannot run '" + options.setting.condolock + "'");
  return options;
}

void play_guarded(std::uint64_t seed, const Options& options, const Stalls& stalls, Result& result) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    play(seed, options.setting, stalls, result);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "chaos: seed %s: %s\n", std::to_string(seed).c_str(), problem.what());
    _exit(1);  // the result stays incomplete, so it counts as a failure
  }
}

struct Sum {
  int trials = 0, runs = 0, successes = 0, overlaps = 0, lost = 0, wrong = 0, orphans = 0;
  Nanos overlap = 0, longest = 0, orphaned = 0, longest_stall = 0;
  std::vector<Nanos> slack;

  void add(const Result& result) {
    ++trials;
    runs += result.runs;
    successes += result.successes;
    overlaps += result.overlaps;
    lost += result.lost;
    wrong += result.wrong;
    orphans += result.orphans;
    overlap += result.overlap;
    longest = std::max(longest, result.longest);
    orphaned += result.orphaned;
    longest_stall = std::max(longest_stall, result.worst_stall);
    slack.insert(slack.end(), result.slack.begin(), result.slack.begin() + static_cast<std::ptrdiff_t>(result.slacks));
  }

  void print(const char* name) {
    std::ranges::sort(slack);
    const auto at = [this](std::size_t place) { return slack.empty() ? 0.0 : static_cast<double>(slack[place]) / 1e6; };
    std::printf("%-16s %6d %7d %9d %8d %9.1f %6d %6d %8d %9.1f %9.1f\n", name, trials, runs, successes, overlaps,
                static_cast<double>(overlap) / 1e6, lost, wrong, orphans, at(0), at(slack.size() / 100));
  }
};

std::span<const Result> play_all(const Options& options, const Stalls& stalls) {
  const auto count = static_cast<std::size_t>(options.trials);
  auto* results = shared<Result>(count);
  std::size_t begun = 0;
  std::size_t running = 0;
  while (begun < count || running > 0) {
    if (begun < count && running < static_cast<std::size_t>(options.at_once)) {
      const std::size_t i = begun++;
      in_a_process([&] { play_guarded(options.seed + i, options, stalls, results[i]); });
      ++running;
      continue;
    }
    if (waitpid(-1, nullptr, 0) > 0) --running;
  }
  return {results, count};
}

bool is_stalled(const Result& result) { return result.worst_stall > result.half_margin; }

void tell_fault(const Options& options, std::size_t i, const Result& result) {
  const std::string seed = std::to_string(options.seed + i);
  const std::string more =
      !options.setting.is_common ? "" : std::string(" --common-faults --tool ") + options.setting.tool->name;
  std::fprintf(options.compares ? stderr : stdout,
               "seed %s: %s. To see it again: ./dev chaos --trials 1 --show%s --seed %s\n", seed.c_str(),
               result.is_over ? result.why.data() : "it broke off", more.c_str(), seed.c_str());
}

int try_one(const Options& options) {
  const Probes probes;
  const Stalls& stalls = probes.stalls();
  const auto results = play_all(options, stalls);
  const std::size_t count = results.size();

  Sum inside;
  Sum stalled;
  Sum outside;
  std::array<int, fault_names.size()> faults{};
  bool good = true;
  for (std::size_t i = 0; i < count; ++i) {
    const Result& result = results[i];
    for (std::size_t j = 0; j < faults.size(); ++j) faults.at(j) += result.faults.at(j);
    const bool counts = !result.is_outside && !is_stalled(result);
    Sum& sum = result.is_outside ? outside : counts ? inside : stalled;
    sum.add(result);
    if (!result.is_over || (counts && result.why[0] != '\0')) {
      good = false;
      tell_fault(options, i, result);
    }
  }
  if (inside.trials == 0) {
    good = false;
    std::printf("the machine stalled in every trial, so they show nothing\n");
  }
  std::printf("%-16s %6s %7s %9s %8s %9s %6s %6s %8s %9s %9s\n", "promise", "trials", "runs", "successes", "overlaps", "ms",
              "lost", "wrong", "orphans", "least ms", "1% ms");
  inside.print("holds");
  stalled.print("machine stalled");
  outside.print("does not hold");
  std::printf("faults:");
  for (std::size_t j = 0; j < faults.size(); ++j)
    std::printf("%s %s %d", j == 0 ? "" : ",", fault_names.at(j), faults.at(j));
  const double seconds = static_cast<double>(now() - stalls.began) / 1e9;
  std::printf("\n%zu trials from seed %s in %.0f s; the longest stall of the machine was %.0f ms\n", count,
              std::to_string(options.seed).c_str(), seconds,
              static_cast<double>(std::max({inside.longest_stall, stalled.longest_stall, outside.longest_stall})) / 1e6);
  return good ? 0 : 1;
}

// Prints one row of the table for each tool. Only condolock's results decide the exit code.
int compare(Options options) {
  const Probes probes;
  bool good = true;
  std::printf(
      "| | trials | runs | overlaps | s | longest, s | orphans | s | trials apart "
      "|\n|---|---|---|---|---|---|---|---|---|\n");
  std::fflush(stdout);  // before the first fork
  for (const Tool& tool : tools()) {
    options.setting.tool = &tool;
    const auto results = play_all(options, probes.stalls());
    Sum sum;
    int apart = 0;
    for (std::size_t i = 0; i < results.size(); ++i) {
      const Result& result = results[i];
      if (!result.is_over) {
        good = false;
        tell_fault(options, i, result);
      } else if (is_stalled(result)) {
        ++apart;
      } else {
        sum.add(result);
        if (result.why[0] == '\0') continue;
        if (&tool == tools().data()) {
          good = false;
          tell_fault(options, i, result);
        } else if (result.wrong > 0) {
          std::fprintf(stderr, "%s, seed %s: %s\n", tool.name, std::to_string(options.seed + i).c_str(), result.why.data());
        }
      }
    }
    const auto seconds = [](Nanos length) { return static_cast<double>(length) / 1e9; };
    std::printf("| %s | %d | %d | %d | %.1f | %.2f | %d | %.1f | %d |\n", tool.title, sum.trials, sum.runs, sum.overlaps,
                seconds(sum.overlap), seconds(sum.longest), sum.orphans, seconds(sum.orphaned), apart);
    std::fflush(stdout);
  }
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc > 2 && std::string_view(argv[1]) == "witness") return witness(argc - 2, argv + 2);
    Options options = parse(argc, argv);
    std::array<char, 4096> self{};
    if (readlink("/proc/self/exe", self.data(), self.size() - 1) > 0) options.setting.chaos = self.data();
    return options.compares ? compare(options) : try_one(options);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "chaos: %s\n", problem.what());
    return 71;
  }
}
