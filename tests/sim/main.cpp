// sim: plays scenarios, one for each seed, and reports what broke. See usage().
#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <thread>

#include "sim/campaign.hpp"

namespace {

using namespace condolock::sim;

struct Options {
  Choice choice;
  std::optional<std::uint64_t> one;  // seed
  bool all_mutations = false;
  unsigned threads = std::max(1U, std::thread::hardware_concurrency());
};

[[noreturn]] void usage(const std::string& problem) {
  if (!problem.empty()) std::fprintf(stderr, "sim: %s\n\n", problem.c_str());
  std::fputs(
      "sim [--seeds N] [--first S]         play N scenarios (1000), from seed S (0) on; 1 where a rule breaks\n"
      "sim --seed S [--without NAME,...]   play one, and show what happens\n"
      "  --profile NAME                    promise, calm, crowd, back, lossy, jump, stall or force, whatever the seed says\n"
      "  --mutation NAME                      without one rule of the protocol\n"
      "sim --mutations [--seeds N]            for each rule: how many seeds until it is missed? 1 where one never is\n"
      "sim --list                          the mutations\n"
      "  --threads N                       (one for each core)\n",
      problem.empty() ? stdout : stderr);
  std::exit(problem.empty() ? 0 : 64);
}

std::string command_of(const Scenario& scenario, const Choice& choice) {
  std::string text = "./dev sim --seed " + std::to_string(scenario.seed);
  if (choice.profile) text += std::string(" --profile ") + name_of(*choice.profile);
  if (choice.mutation != nullptr) text += " --mutation " + std::string(choice.mutation->name);
  std::string separator = " --without ";
  for (const std::string& name : scenario.without) {
    text.append(separator).append(name);
    separator = ",";
  }
  return text;
}

Played play_seed(std::uint64_t seed, const Choice& choice, bool shown) {
  Scripts scripts(choice.mutation);
  return play(make_scenario(seed, choice.profile, choice.without), scripts.host(), choice.mutation, shown);
}

int play_one(std::uint64_t seed, const Choice& choice) {
  const Played played = play_seed(seed, choice, true);
  std::printf("%zu script calls, digest %016" PRIx64 "\n", played.script_calls, played.digest);
  if (!played.violation) return 0;
  std::printf("breaks \"%s\": %s\n", played.violation->rule.c_str(), played.violation->text.c_str());
  return 1;
}

// Shows the smallest form of what a seed breaks.
void show_failure(std::uint64_t seed, const Choice& choice) {
  const Played played = play_seed(seed, choice, false);
  if (!played.violation) {
    std::printf("seed %" PRIu64 " goes another way each time it is played\n", seed);
    return;
  }
  const auto [scenario, violation] = smallest(seed, choice, *played.violation);
  Choice smaller = choice;
  smaller.without = scenario.without;
  play_seed(seed, smaller, true);
  std::printf("seed %" PRIu64 " (%s) breaks \"%s\": %s\n%s\n", seed, name_of(scenario.profile), violation.rule.c_str(),
              violation.text.c_str(), command_of(scenario, choice).c_str());
}

int run_campaign(const Options& options) {
  const auto began = std::chrono::steady_clock::now();
  const Campaign campaign = play_all(options.choice, options.threads);
  const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf("%-8s %9s %10s %9s %9s %9s %9s\n", "profile", "seeds", "calls", "grants", "commands", "stopped", "overlaps");
  std::uint64_t seeds = 0;
  for (const auto& [profile, totals] : campaign.totals) {
    seeds += totals.seeds;
    std::printf("%-8s %9" PRIu64 " %10" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "\n", name_of(profile),
                totals.seeds, totals.calls, totals.grants, totals.commands, totals.stopped, totals.overlaps);
  }
  std::printf("%" PRIu64 " seeds from %" PRIu64 " in %.1f s: %.0f a second on each of %u cores; digest %016" PRIx64 "\n",
              seeds, options.choice.first, took, static_cast<double>(seeds) / took / options.threads, options.threads,
              campaign.digest);
  if (!campaign.failed) return 0;
  show_failure(*campaign.failed, options.choice);
  return 1;
}

// Whether the simulation noticed that the rule is missing.
bool try_mutation(const Options& options, const Mutation& mutation) {
  Choice choice = options.choice;
  choice.mutation = &mutation;
  const std::string name(mutation.name);
  const std::string rule(mutation.rule);
  const Campaign campaign = play_all(choice, options.threads);
  if (!campaign.failed) {
    std::printf("%s: NOT SEEN in %" PRIu64 " seeds (%s)\n", name.c_str(), choice.seeds, rule.c_str());
    return false;
  }
  const auto found = play_seed(*campaign.failed, choice, false).violation;
  if (!found) {
    show_failure(*campaign.failed, choice);
    return false;
  }
  const auto [scenario, violation] = smallest(*campaign.failed, choice, *found);
  std::printf("%s: seen after %" PRIu64 " seeds (%s)\n  %s\n  %s\n", name.c_str(), *campaign.failed - choice.first + 1,
              rule.c_str(), violation.text.c_str(), command_of(scenario, choice).c_str());
  return true;
}

std::uint64_t number(const std::string& text) {
  char* end = nullptr;
  const std::uint64_t value = std::strtoull(text.c_str(), &end, 10);
  if (text.find_first_not_of("0123456789") != std::string::npos || end == text.c_str())
    usage("\"" + text + "\" is not a number");
  return value;
}

Profile profile_named(const std::string& name) {
  for (int i = 0; i < profiles; ++i) {
    if (name == name_of(static_cast<Profile>(i))) return static_cast<Profile>(i);
  }
  usage("there is no profile " + name);
}

const Mutation* mutation_named(const std::string& name) {
  const Mutation* mutation = find_mutation(name);
  if (mutation == nullptr) usage("there is no mutation " + name);
  return mutation;
}

std::set<std::string> names_in(const std::string& list) {
  std::set<std::string> names;
  std::istringstream words(list);
  for (std::string name; std::getline(words, name, ',');) names.insert(name);
  return names;
}

[[noreturn]] void list_mutations() {
  for (const Mutation& mutation : mutations())
    std::printf("%s: %s\n", std::string(mutation.name).c_str(), std::string(mutation.rule).c_str());
  std::exit(0);
}

Options parse(const std::vector<std::string>& words) {
  Options options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const auto value = [&] {
      if (++i == words.size()) usage(word + " needs a value");
      return words[i];
    };
    if (word == "--help") usage("");
    if (word == "--list") list_mutations();
    if (word == "--mutations") {
      options.all_mutations = true;
    } else if (word == "--seeds") {
      options.choice.seeds = number(value());
    } else if (word == "--first") {
      options.choice.first = number(value());
    } else if (word == "--threads") {
      options.threads = static_cast<unsigned>(std::max<std::uint64_t>(1, number(value())));
    } else if (word == "--seed") {
      options.one = number(value());
    } else if (word == "--profile") {
      options.choice.profile = profile_named(value());
    } else if (word == "--mutation") {
      options.choice.mutation = mutation_named(value());
    } else if (word == "--without") {
      options.choice.without = names_in(value());
    } else {
      usage("there is no option " + word);
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const Options options = parse({argv + 1, argv + argc});
  if (options.one) return play_one(*options.one, options.choice);
  if (!options.all_mutations) return run_campaign(options);
  bool all_seen = true;
  for (const Mutation& mutation : mutations()) all_seen = try_mutation(options, mutation) && all_seen;
  return all_seen ? 0 : 1;
}
