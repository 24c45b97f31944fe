#include "sim/mutations.hpp"

#include <algorithm>
#include <stdexcept>

namespace condolock::sim {

namespace {

const std::vector<Mutation> all_mutations{
    {"no-token-check",
     "only its holder releases a lease",
     {{"finish", "local held = find(record, token)\n", "local held = record.holders[1]\n"},
      {"abandon", "local mine = find(record, token)\n", "local mine = record.holders[1]\n"}}},
    {"no-margin", "the command is dead a margin before the server's lease ends", {}, Wrong::no_margin},
    {"sent-after-reply", "a lease is counted from before the request", {}, Wrong::sent_after_reply},
    {"no-retired",
     "a token that is done is remembered",
     {{"", "  write('ZADD', RETIRED, text(now), token .. ' ' .. answer)\n", ""}}},
    {"tostring", "numbers are written digit by digit", {{"", "return string.format('%.0f', n)", "return tostring(n)"}}},
    {"checks-before", "conditions and grant are one step", {}, Wrong::checks_before},
    {"success-when-lost",
     "who lost the lease records no success",
     {{"finish", "if not mine and (fence <= (record.cut or 0) or overtaken) then", "if false then"}}},
    {"client-clock", "the server's clock decides", {}, Wrong::client_clock},
    {"no-last-look", "a lease is looked at once more before the command starts", {}, Wrong::no_last_look},
    {"no-keeper", "the keeper ends a run that condolock can't end", {}, Wrong::no_keeper},
    {"deadline-not-moved", "a renewal moves the keeper's deadlines", {}, Wrong::deadline_not_moved},
    {"no-tree", "signals go to all of the run", {}, Wrong::no_tree},
    {"no-wait-for-rest", "a run is over when nothing of it lives", {}, Wrong::no_wait_for_rest},
    {"deaf-program", "a program stops when its context is lost", {}, Wrong::deaf_program},

    {"fence-is-time",
     "a fence is greater than the one before",
     {{"acquire", "math.max((record.fence or 0) + 1, now)", "now"}}},
    {"fence-is-count",
     "a fence is not less than the time",
     {{"acquire", "math.max((record.fence or 0) + 1, now)", "(record.fence or 0) + 1"}}},
    {"no-settling",
     "a lease that ended is a failed run for conditions",
     {{"acquire", "local seen, lost = settled(record)", "local seen, lost = record, {}"}}},
    {"time-goes-back", "times of a record only grow", {{"", "  return math.max(a or 0, b)\n", "  return b\n"}}},
    {"no-cut",
     "a lease that was removed can't be taken again",
     {{"", "  set_field(record, 'cut', later(record.cut, holder.fence))\n", ""}}},
    {"old-fence",
     "a lease that ended before its run knew of it is granted anew with a new fence",
     {{"acquire", "  if not is_live(mine) then\n", "  if false then\n"}}},
    {"no-regrant",
     "who holds the lease already is granted it again",
     {{"acquire", "if mine and not mine.revoked then", "if false then"}}},
    {"renew-takes",
     "a renewal takes no lease from another",
     {{"renew", "if slots > 1 or fence <= (record.cut or 0) or (record.fence or 0) > fence or #living(record) > 0 then",
       "if false then"}}},
    {"renew-revoked", "a revoked lease is not renewed", {{"renew", "  if mine.revoked then\n", "  if false then\n"}}},
    {"renew-by-token",
     "a renewal is for the lease that began when it says",
     {{"renew", "  local same = mine.start == start\n", "  local same = true\n"}}},
    {"finish-by-token",
     "a finish is for the lease that began when it says",
     {{"finish", "local mine = held and held.start == start\n", "local mine = held\n"}}},
    {"two-leases", "a token holds one lease at a time", {{"acquire", "taken = taken or mine and is_live(mine)\n", ""}}},
    {"no-start-back",
     "who gives a lease back takes back its start",
     {{"abandon", "      write('LREM', STARTS, 1, row)\n", ""}}},
    {"no-reassertion",
     "a lease that the server lost is taken again",
     {{"renew", "if slots > 1 or fence <= (record.cut or 0) or (record.fence or 0) > fence or #living(record) > 0 then",
       "if true then"}}},
    {"any-slots",
     "callers that name different numbers of slots keep each other out",
     {{"acquire", "(#live >= record.slots or slots ~= record.slots)", "#live >= slots"}}},
    {"no-wake-in-finish", "who finishes wakes a waiter", {{"finish", "save(record)\nwake(record)", "save(record)"}}},
    {"no-wake-in-abandon", "who gives a lease back wakes a waiter", {{"abandon", "  wake(record)\nelseif", "elseif"}}},
    {"no-wake-in-resume",
     "who lifts a pause wakes a waiter",
     {{"resume", "save(record)\nwake(record)\n", "save(record)\n"}}},
    {"no-wake-for-next-slot",
     "who takes a slot and leaves one wakes a waiter",
     {{"acquire", "if #seen.holders < slots then\n  wake(seen)\nend\n", ""}}},
    {"no-wake-when-held",
     "who was woken and names another number of slots wakes the next",
     {{"acquire", "      wake(record)\n", ""}}},
    {"no-wake-when-refused",
     "who was woken and is refused by a condition wakes the next",
     {{"acquire", "    wake(record)\n    reply = refused\n", "    reply = refused\n"}}},
    {"no-waiters-until",
     "who waits says so in the record",
     {{"acquire", "    set_field(record, 'waiters_until', later(record.waiters_until, now + left + SLEEP_MARGIN))\n", ""}}},
    {"time-ahead", "a time in the future counts as now", {{"", "  if is_ahead(record) then\n", "  if false then\n"}}},
    {"time-ahead-stays",
     "a time in the future is stored as now",
     {{"", "    record[field] = at\n    record.changed[field] = true\n", "    record[field] = at\n"}}},
    {"lease-ahead",
     "a lease ends no later than its length from now",
     {{"", "holder.length and holder.expires_at - now - holder.length or 0", "0"}}},
    {"start-ahead", "a start in the future is stored as now", {{"acquire", "    rewrite_starts(rows, mended)\n", ""}}},
    {"no-pause-all",
     "no run begins while all keys are paused",
     {{"acquire", "if of_all and (not halted or of_all.paused_until > halted.paused_until) then", "if false then"}}},
    {"pause-all-ahead",
     "a pause of all keys ends no later than its length from now",
     {{"", "  local latest = values[2] and now + length or ends\n", "  local latest = ends\n"}}},
    {"forget-leases",
     "a record does not expire before a lease that it has",
     {{"", "    used = math.max(used, holder.expires_at)\n", ""}}},
    {"forget-removed",
     "a record does not expire before a lease would have ended that unlock --now removed",
     {{"", "  used = math.max(used, record.freed_until or 0)\n", ""}}},
    {"forget-pauses",
     "a record does not expire while its key is paused",
     {{"", "  local used = paused(record) and record.paused_until or now\n", "  local used = now\n"}}},
};

}  // namespace

const std::vector<Mutation>& mutations() { return all_mutations; }

const Mutation* find_mutation(std::string_view name) {
  const auto found =
      std::find_if(mutations().begin(), mutations().end(), [&](const Mutation& mutation) { return mutation.name == name; });
  return found == mutations().end() ? nullptr : &*found;
}

std::string mutated(const scripts::Script& script, const Mutation& mutation) {
  std::string source(script.source);
  for (const Patch& patch : mutation.patches) {
    if (!patch.script.empty() && patch.script != script.name) continue;
    const auto at = source.find(patch.from);
    if (at == std::string::npos || source.find(patch.from, at + 1) != std::string::npos) {
      throw std::runtime_error("the mutation " + std::string(mutation.name) + " does not fit into " +
                               std::string(script.name));
    }
    source.replace(at, patch.from.size(), patch.to);
  }
  return source;
}

}  // namespace condolock::sim
