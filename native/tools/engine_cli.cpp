// The jobs of the addon without Node:
//   engine_cli devices
//   engine_cli KIND REQUEST.json ("-" reads standard input), a kind of jobs/job_table.cpp: merge, evaluate, learn ...
//   engine_cli selftest [--device D] [--threads N]
//   engine_cli bench gemm [--threads N]
//   engine_cli bench score|learn [--device D] [--config 125m|1b|8b] [--dtype F32|BF16] [--tokens N] [--batch N]
//     [--threads N], learn also [--rank N] [--adapters N]
// The result goes to standard output as one line of JSON, progress and errors to standard error as lines of JSON. Exit
// status: 0 done, 1 refused because of the request or its files, 2 usage, 3 failed (a check of selftest too) or
// cancelled (Ctrl-C cancels a job).
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/wire.h"
#include "jobs/job_table.h"
#include "ops/cuda/devices.h"
#include "tools/bench_gemm.h"
#include "tools/bench_learn.h"
#include "tools/bench_score.h"
#include "tools/options.h"
#include "tools/selftest.h"

namespace {

using namespace amalgam;

enum ExitStatus { done = 0, refused = 1, usage = 2, failed = 3 };

core::CancelToken interrupted;  // reached by the signal handler, which gets no argument of ours

void on_interrupt(int) { interrupted.request(); }

/// Errors of the machine or of a person's wish to stop; all the others say that the input is not acceptable.
ExitStatus exit_status(const core::Error& error) {
  constexpr std::array<std::string_view, 8> failures{"cancelled",    "cuda-error",   "device-lost",   "disk-full",
                                                     "file-changed", "write-failed", "out-of-memory", "internal-error"};
  return std::find(failures.begin(), failures.end(), error.code) == failures.end() ? refused : failed;
}

std::string read_request(const std::string& path) {
  if (path == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
  std::ifstream file(path, std::ios::binary);
  if (!file) throw core::Error("file-unreadable", "The request cannot be read.").at_path(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void print_line(std::FILE* stream, const std::string& line) {
  std::fputs((line + "\n").c_str(), stream);
  std::fflush(stream);
}

core::Json run(const std::string& command, const std::string& request_path) {
  const jobs::JobFunction job = jobs::find_job(command);
  core::Progress progress([](const core::ProgressReport& report) { print_line(stderr, core::to_json(report).dump()); });
  return job(core::Json::parse(read_request(request_path)), progress, interrupted);
}

int print_usage(const std::string& reason) {
  std::string line = reason + "usage: engine_cli devices";
  for (const jobs::JobKind& kind : jobs::job_table()) line += " | " + std::string(kind.name) + " REQUEST.json";
  line +=
      " | selftest [--device D] [--threads N] | bench gemm [--threads N] | bench score|learn [--device D] [--config "
      "125m|1b|8b]";
  line += " [--dtype F32|BF16] [--tokens N] [--batch N] [--threads N], learn also [--rank N] [--adapters N]";
  print_line(stderr, line);
  return usage;
}

int usual_threads() { return static_cast<int>(std::max(1u, std::thread::hardware_concurrency())); }

ExitStatus print_selftest(tools::Options options) {
  const std::string device = options.text("device", "cpu");
  const int threads = static_cast<int>(options.number("threads", usual_threads()));
  options.check_all_read();
  const core::Json result = tools::run_selftest(device, threads);
  print_line(stdout, result.dump());
  return result.get_int("failed") == 0 ? done : failed;
}

/// Reads the options that the benchmarks of whole models share.
template <typename Bench>
void read_options(tools::Options& options, Bench& bench) {
  bench.threads = static_cast<int>(options.number("threads", usual_threads()));
  bench.device = options.text("device", bench.device);
  bench.config = options.text("config", bench.config);
  bench.dtype = options.text("dtype", bench.dtype);
  bench.tokens = options.number("tokens", bench.tokens);
  bench.batch = options.number("batch", bench.batch);
}

core::Json run_bench(const std::string& what, tools::Options options) {
  if (what == "gemm") {
    const int threads = static_cast<int>(options.number("threads", usual_threads()));
    options.check_all_read();
    return tools::bench_gemm(threads);
  }
  if (what == "learn") {
    tools::LearnBench bench;
    read_options(options, bench);
    bench.rank = options.number("rank", bench.rank);
    bench.adapters = options.number("adapters", bench.adapters);
    options.check_all_read();
    return tools::bench_learn(bench);
  }
  tools::ScoreBench bench;
  read_options(options, bench);
  options.check_all_read();
  return tools::bench_score(bench);
}

/// Everything but usage; `arguments` are those after the program's name.
ExitStatus execute(const std::vector<std::string>& arguments) {
  const std::string& command = arguments[0];
  if (command == "selftest") return print_selftest(tools::Options({arguments.begin() + 1, arguments.end()}));
  if (command == "bench") {
    print_line(stdout, run_bench(arguments[1], tools::Options({arguments.begin() + 2, arguments.end()})).dump());
  } else {
    print_line(stdout, (command == "devices" ? ops::describe_devices() : run(command, arguments[1])).dump());
  }
  return done;
}

bool is_known(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return false;
  const std::string& command = arguments[0];
  if (command == "selftest") return true;
  if (command == "devices") return arguments.size() == 1;
  if (command == "bench") {
    constexpr std::array<std::string_view, 3> benches{"gemm", "score", "learn"};
    return arguments.size() > 1 && std::find(benches.begin(), benches.end(), arguments[1]) != benches.end();
  }
  const auto kinds = jobs::job_table();
  return arguments.size() == 2 &&
         std::any_of(kinds.begin(), kinds.end(), [&](const jobs::JobKind& kind) { return kind.name == command; });
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (!is_known(words)) return print_usage("");
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  try {
    return execute(words);
  } catch (const tools::UsageError& error) {
    return print_usage(std::string(error.what()) + "; ");
  } catch (...) {
    const core::Error error = core::current_error();
    print_line(stderr, core::to_json(error).dump());
    return exit_status(error);
  }
}
