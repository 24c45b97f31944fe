#include "chaos/plan.hpp"

#include <array>

#include "sim/dice.hpp"

namespace chaos {
namespace {

using condolock::sim::Dice;

constexpr std::array common_faults{Fault::kill_tool, Fault::stop_tool, Fault::term_tool,   Fault::blackhole,
                                   Fault::delay,     Fault::cut,       Fault::kill_server, Fault::stop_server};

std::int64_t length_of(Fault fault, std::int64_t lease, Dice& dice) {
  switch (fault) {
    case Fault::blackhole:
      return dice.between(50, 2 * lease);
    case Fault::delay:
      return dice.between(500, 2 * lease);
    case Fault::repeat:
      return 2 * lease;
    case Fault::kill_server:
      return dice.between(0, lease / 2);
    case Fault::stop_server:
    case Fault::full_memory:
      return dice.between(50, lease);
    default:  // the others stop something
      return dice.between(100, 2 * lease);
  }
}

// For sh -c.
std::string script_of(const PlanSetting& setting, const Programs& programs, Dice& dice) {
  const auto lives = [&](const std::string& more = "") {
    return '"' + programs.chaos + "\" witness " + std::to_string(dice.between(10, setting.lease * 3 / 2)) + more;
  };
  // A nested condolock sets its own fence.
  std::string out = programs.is_condolock ? "export CHAOS_FENCE=$CONDOLOCK_FENCE; " : "";
  // The last two are only for condolock: a process for --leftovers, and a nested condolock.
  switch (dice.between(0, setting.is_common ? 6 : 8)) {
    case 0:
      out += lives();
      break;
    case 1:
      out += lives() + " & " + lives() + " & wait";
      break;
    case 2:
      out += "timeout 20 " + lives();
      break;
    case 3:
      out += "setsid -w " + lives(!setting.is_common && dice.chance(50) ? " stubborn" : "");
      break;
    case 4:  // It cleans up after TERM.
      out += "trap '" + lives() + "; exit 3' TERM; " + lives() + " & wait $!";
      break;
    case 5:
      out += lives(" stubborn");
      break;
    case 7:
      out += lives(" left") + " >/dev/null 2>&1 & " + lives();
      break;
    case 8:
      out += '"' + programs.condolock + "\" run -q --url unix://" + programs.server +
             " --key inner --wait 5s --lease 1s -- " + lives();
      break;
    default:
      out += "sh -c '(" + lives() + "; :) ; :'; :";
  }
  // Only a command that reaches its end without a failure leaves the mark.
  out += " && \"" + programs.chaos + "\" witness 0 done";
  return dice.chance(85) ? out : out + "; exit 7";
}

}  // namespace

bool is_on_tool(Fault fault) { return fault == Fault::kill_tool || fault == Fault::stop_tool || fault == Fault::term_tool; }

bool is_on_keeper(Fault fault) {
  return fault == Fault::kill_keeper || fault == Fault::stop_keeper || fault == Fault::kill_both ||
         fault == Fault::stop_both;
}

bool is_on_server(Fault fault) {
  return fault == Fault::kill_server || fault == Fault::stop_server || fault == Fault::flush_scripts ||
         fault == Fault::full_memory || fault == Fault::revoke;
}

std::vector<Harm> plan_faults(const PlanSetting& setting) {
  Dice dice(setting.seed, {0});
  std::vector<Harm> out;
  const bool is_calm = !setting.is_common && dice.chance(10);
  const std::int64_t count = is_calm ? 0 : dice.between(1, 5);
  const bool outside = !setting.is_common && dice.chance(12);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto last = static_cast<std::int64_t>(outside ? Fault::stop_both : Fault::revoke);
    Harm& harm = out.emplace_back();
    if (setting.is_common) {
      harm.fault = common_faults.at(static_cast<std::size_t>(dice.between(0, common_faults.size() - 1)));
    } else {
      harm.fault = static_cast<Fault>(outside && i == 0 ? last - dice.between(0, 1) : dice.between(0, last));
    }
    harm.on_holder = dice.chance(80);
    harm.host = static_cast<std::size_t>(dice.between(0, static_cast<std::int64_t>(setting.hosts) - 1));
    harm.length = length_of(harm.fault, setting.lease, dice);
    harm.delay = dice.between(5, 400);
    harm.at = dice.between(50, 5 * setting.lease / 2);
  }
  return out;
}

void plan_run(const PlanSetting& setting, std::int64_t run, const Programs& programs, Wish& wish) {
  Dice dice(setting.seed, {1, static_cast<std::uint64_t>(run)});
  wish.lease = setting.lease;
  wish.wait = dice.chance(40) ? 0 : dice.between(100, 4000);
  wish.kill_after = dice.between(50, setting.is_common ? setting.lease / 4 : 1000);
  wish.timeout = !setting.is_common && dice.chance(15) ? dice.between(100, setting.lease) : 0;
  wish.leftovers = setting.is_common ? "leave" : dice.one_of<const char*>({"leave", "wait", "kill"});
  wish.script = script_of(setting, programs, dice);
}

}  // namespace chaos
