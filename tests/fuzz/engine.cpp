// The engine for Redis: whatever a server answers, a call ends by its deadline, after few commands, with a printable reason.
#include "engine/redis/redis_engine.hpp"

#include "fuzz.hpp"
#include "support/fake_transport.hpp"

using namespace condolock;
using namespace condolock::engine;

namespace {

constexpr Millis patience(5000);

// A server that sends one part of the input for each write, and the last part for all later writes. Lines of three hyphens
// separate the parts.
class Server {
 public:
  explicit Server(std::string_view input) {
    static constexpr std::string_view separator = "\n---\n";
    for (std::size_t end = 0; end != std::string_view::npos;) {
      end = input.find(separator);
      answers_.emplace_back(input.substr(0, end));
      if (end != std::string_view::npos) input.remove_prefix(end + separator.size());
    }
  }

  std::unique_ptr<redis::Transport> connect() {
    auto state = std::make_shared<support::FakeTransport::State>();
    state->answer = [this](const std::string& written) {
      ++writes_;
      sources_ += written.find("\r\nEVAL\r\n") != std::string::npos ? 1 : 0;
      return answers_[std::min(writes_, answers_.size()) - 1];
    };
    return std::make_unique<support::FakeTransport>(std::move(state));
  }

  std::size_t writes() const { return writes_; }
  std::size_t sources() const { return sources_; }

 private:
  std::vector<std::string> answers_;
  std::size_t writes_ = 0;
  std::size_t sources_ = 0;  // requests with EVAL
};

Call make_call(Instant now) {
  Call call;
  call.script = &scripts::acquire;
  call.keys = {"{ns}:job:K"};
  call.args = {"K"};
  call.ask_role = true;
  call.deadline = now + patience;
  return call;
}

// Runs one call in virtual time.
Reply ask(Engine& engine, Instant& now) {
  engine.start(make_call(now), now);
  const Instant deadline = now + patience;
  for (int steps = 0;; ++steps) {
    fuzz::must(steps < 10'000, "a call does not end");
    if (auto reply = engine.advance(POLLIN, now)) return *std::move(reply);
    fuzz::must(now < deadline, "a call ends after its deadline");
    now = std::min(std::max(engine.interest().wake.value_or(deadline), now), deadline);
  }
}

}  // namespace

void fuzz::check(std::string_view input) {
  Server server(input);
  int looks = 0;
  redis::Target target;
  target.password = secret;
  redis::Address address;
  redis::RedisEngine engine(
      target, std::make_unique<support::FakeDiscovery>(std::vector<support::FakeDiscovery::Addresses>{{address}}, looks),
      [&](const redis::Address& /*address*/) { return server.connect(); });
  Instant now(std::chrono::hours(1));
  for (int calls = 0; calls < 2; ++calls) {
    const std::size_t writes = server.writes();
    const std::size_t sources = server.sources();
    const Reply reply = ask(engine, now);
    must(server.writes() - writes <= 250, "a call takes too many writes");
    must(server.sources() - sources <= 250, "a script's source is sent too often");
    if (!reply.answer) must_be_message(reply.answer.error().text);
  }
}
