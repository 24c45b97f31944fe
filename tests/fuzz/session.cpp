// A session: with bytes in portions of any size, it returns at most the outstanding replies, and notices the end.
#include "engine/redis/session.hpp"

#include "fuzz.hpp"
#include "support/fake_transport.hpp"

using namespace condolock::engine::redis;

namespace {

struct Outcome {
  std::size_t replies = 0;
  std::string texts;
  std::string error;
  std::string handshake_error;
  bool is_idle = false;
};

Outcome talk(std::string_view bytes, std::size_t portion) {
  Target target;
  target.user = "job";
  target.password = fuzz::secret;
  target.database = 1;
  const auto state = std::make_shared<support::FakeTransport::State>();
  Session session(std::make_unique<support::FakeTransport>(state), target);
  session.send("first, second", 2);
  Outcome out;
  while (!bytes.empty()) {
    state->arrived += bytes.substr(0, portion);
    bytes.remove_prefix(std::min(portion, bytes.size()));
    session.advance(POLLIN);
    while (const auto reply = session.next_reply()) {
      ++out.replies;
      out.texts += reply->text + "\n";
    }
  }
  out.error = session.error();
  if (session.handshake_error()) out.handshake_error = session.handshake_error()->text + " ";
  out.is_idle = session.is_idle();
  return out;
}

}  // namespace

void fuzz::check(std::string_view input) {
  const Outcome whole = talk(input, input.size());
  must(whole.replies <= 2, "there are more replies than commands");
  must(!whole.is_idle || (whole.replies == 2 && whole.error.empty()), "a session is idle before its time");
  must_be_printable(whole.error);
  must_be_printable(whole.handshake_error);
  for (const std::size_t portion : {1U, 3U, 32U}) {
    const Outcome parts = talk(input, portion);
    must(parts.texts == whole.texts && parts.error == whole.error && parts.is_idle == whole.is_idle &&
             parts.handshake_error == whole.handshake_error,
         "portions give another outcome than the whole");
  }
  must_be_printable(classify(input).text);
}
