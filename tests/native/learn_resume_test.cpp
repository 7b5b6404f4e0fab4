// Jobs that learn are stopped and go on: the result has the bytes of one that ran through.
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "learn_job_fixture.h"

using namespace amalgam;
using core::Json;
using test::Learning;

namespace {

/// Tunes and trains at once, with all that a checkpoint has to hold.
Learning all_at_once() {
  Learning learning = test::training({"both", true, {}, 0.2});
  learning.adapters.push(test::learn_adapter("other", 40, 3, {"b", false, {}, 0}));
  learning.coefficients = test::learned_coefficients("module", "sigmoid", Json::object({{"kind", "normal"}}));
  learning.objective = Json::object({{"kind", "tchebycheff"}, {"temperature", 0.5}, {"l1", 0.1}});
  return learning;
}

/// Runs until `steps` steps are done, then cancels.
void run_until(const Learning& learning, std::int64_t steps) {
  core::CancelToken cancel;
  core::Progress progress(
      [&](const core::ProgressReport& report) {
        if (report.stage == "learning" && report.done >= steps) cancel.request();
      },
      std::chrono::milliseconds(0));
  CHECK_ERROR("cancelled", learn::run_learn(learning.request(), progress, cancel));
}

void check_same(const Learning& resumed, const Json& result, const Learning& whole, const Json& expected) {
  CHECK_EQ(test::lasting_part(result), test::lasting_part(expected));
  CHECK(test::content_of(resumed.out_file()) == test::content_of(whole.out_file()));
}

std::string engine_cli() { return std::string(AMALGAM_RELEASE_DIR) + "/engine_cli"; }

/// engine_cli with a request, as a process of its own.
pid_t start_process(const std::string& request_file, const std::string& result_file) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  if (std::freopen(result_file.c_str(), "w", stdout) == nullptr) ::_exit(98);
  if (std::freopen("/dev/null", "w", stderr) == nullptr) ::_exit(98);
  const std::string program = engine_cli();
  ::execl(program.c_str(), program.c_str(), "learn", request_file.c_str(), static_cast<char*>(nullptr));
  ::_exit(99);
}

/// Its exit status, or minus the signal that ended it.
int wait_for(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// Without taking its exit status.
bool is_running(pid_t child) {
  siginfo_t state{};
  return ::waitid(P_PID, static_cast<id_t>(child), &state, WEXITED | WNOHANG | WNOWAIT) == 0 && state.si_pid == 0;
}

std::size_t journal_lines(const Learning& learning) {
  return std::filesystem::exists(learning.journal_file()) ? test::lines_of(learning.journal_file()).size() : 0;
}

}  // namespace

TEST("a job cancelled at any step goes on to the bytes of one that ran through, its journal too but for seconds") {
  const Learning whole = all_at_once();
  const Json expected = whole.run();
  for (int steps = 0; steps < whole.steps; ++steps) {
    Learning stopped = whole;
    stopped.folder = test::fresh_folder();
    run_until(stopped, steps);
    if (steps > 0) CHECK(std::filesystem::exists(stopped.checkpoint_file()));
    check_same(stopped, stopped.run(), whole, expected);
    CHECK_EQ(stopped.journal_numbers("trainLoss").size(), static_cast<std::size_t>(whole.steps));
    CHECK(stopped.journal_numbers("validationLoss") == whole.journal_numbers("validationLoss"));
    CHECK(stopped.journal_numbers("gradientNorm") == whole.journal_numbers("gradientNorm"));
  }
}

TEST("journal lines behind the checkpoint are cut off, a finished job given again has its result at once") {
  Learning learning = all_at_once();
  learning.checkpoint_every = 3;
  const Json expected = learning.run();
  const std::vector<std::string> lines = test::lasting_lines(learning);
  std::ofstream(learning.journal_file(), std::ios::app) << R"({"step":99,"trainLoss":1})" << "\n{torn";
  CHECK_EQ(test::lasting_part(learning.run()), test::lasting_part(expected));
  CHECK(test::lasting_lines(learning) == lines);
}

TEST("another request in the folder is refused, and so is a damaged checkpoint") {
  const Learning learning = test::tuning();
  learning.run();
  Learning other = learning;
  other.seed = 5;
  CHECK_ERROR("checkpoint-invalid", other.run());
  Learning elsewhere = learning;
  elsewhere.threads = 2;  // changes no bit
  elsewhere.run();
  const std::string content = test::content_of(learning.checkpoint_file());
  std::ofstream(learning.checkpoint_file(), std::ios::binary | std::ios::trunc)
      << content.substr(0, content.size() / 2);
  CHECK_ERROR("checkpoint-invalid", learning.run());
}

TEST("twenty kills at random moments: the bytes are those of a process that was left alone") {
  if (!std::filesystem::exists(engine_cli())) SKIP("engine_cli is not built");
  Learning whole = all_at_once();
  whole.steps = 40;
  whole.checkpoint_every = 3;
  const Json expected = whole.run();
  test::Random random(77);
  int killed = 0;
  for (int round = 0; killed < 20; ++round) {
    CHECK(round < 60);
    Learning broken = whole;
    broken.folder = test::fresh_folder();
    const std::string request_file = broken.folder + "/request.json";
    const std::string result_file = broken.folder + "/result.json";
    std::ofstream(request_file) << broken.request().dump();
    // Some are killed more than once on their way.
    for (std::int64_t deaths = random.integer(1, 3); deaths > 0; --deaths) {
      const pid_t child = start_process(request_file, result_file);
      const std::size_t lines = journal_lines(broken) + static_cast<std::size_t>(random.integer(0, 20));
      const auto most = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (journal_lines(broken) < lines && std::chrono::steady_clock::now() < most &&
             is_running(child)) {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
      std::this_thread::sleep_for(std::chrono::microseconds(random.integer(0, 4000)));
      ::kill(child, SIGKILL);
      if (wait_for(child) == -SIGKILL) ++killed;
    }
    CHECK_EQ(wait_for(start_process(request_file, result_file)), 0);
    check_same(broken, Json::parse(test::content_of(result_file)), whole, expected);
    CHECK(broken.journal_numbers("trainLoss") == whole.journal_numbers("trainLoss"));
  }
}
