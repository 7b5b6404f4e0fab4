#include "lora/similarity.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/thread_pool.h"
#include "lora/request_adapter.h"
#include "lora/similarity_sums.h"
#include "ops/executor.h"

namespace amalgam::lora {

namespace {

using core::Json;

/// Factors of the candidates that one thread holds at the same time.
constexpr std::int64_t most_group_bytes = 64'000'000;
constexpr std::size_t most_group = 16;

/// One module of the union and who has it.
struct ComparedModule {
  const RequestModule* query = nullptr;
  struct Candidate {
    std::size_t adapter;
    const RequestModule* module;
  };
  std::vector<Candidate> candidates;
};

/// What one thread does in one go: some candidates of a module, with the query read once for them.
struct Group {
  std::size_t module;
  std::size_t first;
  std::size_t count;
};

std::int64_t factor_bytes(const RequestModule& module) {
  return 4 * module.factors.rank() * (module.factors.in() + module.factors.out());
}

class Similarity {
 public:
  explicit Similarity(const Field& root) : query_(open_adapter(root.at("query"))), dense_(root.at("dense").flag()) {
    for (const Field& candidate : root.at("candidates").some_items()) candidates_.push_back(open_adapter(candidate));
    std::map<ModuleKey, ComparedModule> modules;
    for (const RequestModule& module : query_.modules) modules[module.key].query = &module;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      for (const RequestModule& module : candidates_[i].modules) modules[module.key].candidates.push_back({i, &module});
    }
    for (auto& [key, module] : modules) {
      const std::size_t position = modules_.size();
      if (module.candidates.empty()) groups_.push_back({position, 0, 0});
      for (std::size_t first = 0; first < module.candidates.size(); first += groups_.back().count) {
        groups_.push_back({position, first, group_size(module, first)});
      }
      sums_.emplace_back(module.candidates.size());
      modules_.push_back(std::move(module));
    }
    query_sums_.resize(modules_.size());
  }

  Json run(int threads, core::Progress& progress, const core::CancelToken& cancel) {
    std::int64_t total = static_cast<std::int64_t>(query_.modules.size());
    for (const RequestAdapter& candidate : candidates_) total += static_cast<std::int64_t>(candidate.modules.size());
    progress.stage("comparing", total, "modules");
    std::atomic<std::size_t> next{0};
    std::atomic<bool> failed{false};
    const auto workers = std::max<std::size_t>(1, std::min(static_cast<std::size_t>(threads), groups_.size()));
    core::ThreadPool pool(static_cast<int>(workers));
    pool.parallel_for(static_cast<std::int64_t>(workers), [&](std::int64_t, std::int64_t, int) {
      try {
        ops::Executor executor(1, cancel);
        for (std::size_t i = 0; !failed && (i = next.fetch_add(1)) < groups_.size();) {
          progress.advance(compare(groups_[i], executor));
        }
      } catch (...) {
        failed = true;
        throw;
      }
    });
    query_.file->check_unchanged();
    for (const RequestAdapter& candidate : candidates_) candidate.file->check_unchanged();
    return result();
  }

 private:
  static std::size_t group_size(const ComparedModule& module, std::size_t first) {
    std::size_t count = 0;
    for (std::int64_t bytes = 0; first + count < module.candidates.size() && count < most_group; ++count) {
      bytes += factor_bytes(*module.candidates[first + count].module);
      if (count > 0 && bytes > most_group_bytes) break;
    }
    return count;
  }

  /// Fills the sums of a group; returns how many modules of adapters that were. The query's own are told with the first.
  std::int64_t compare(const Group& group, ops::Executor& executor) {
    const ComparedModule& module = modules_[group.module];
    std::vector<LoadedUpdate> updates;
    for (std::size_t i = group.first; i < group.first + group.count; ++i) {
      updates.push_back(load_update(*module.candidates[i].module, executor.cancel()));
    }
    PairSums* sums = sums_[group.module].data() + group.first;
    std::int64_t done = static_cast<std::int64_t>(group.count);
    if (module.query == nullptr) {
      add_sums(nullptr, updates, dense_, {sums, group.count}, nullptr, executor);
      return done;
    }
    const LoadedUpdate query = load_update(*module.query, executor.cancel());
    const bool first = group.first == 0;
    add_sums(&query, updates, dense_, {sums, group.count}, first ? &query_sums_[group.module] : nullptr, executor);
    return done + (first ? 1 : 0);
  }

  Json result() const {
    OwnSums query;
    for (const OwnSums& own : query_sums_) query += own;
    std::vector<PairSums> totals(candidates_.size());
    std::vector<Json> products(candidates_.size(), Json::array());
    for (std::size_t m = 0; m < modules_.size(); ++m) {
      std::vector<bool> has(candidates_.size(), modules_[m].query != nullptr);
      std::vector<double> dots(candidates_.size(), 0.0);
      for (std::size_t i = 0; i < modules_[m].candidates.size(); ++i) {
        const std::size_t adapter = modules_[m].candidates[i].adapter;
        totals[adapter] += sums_[m][i];
        dots[adapter] = sums_[m][i].dot;
        has[adapter] = true;
      }
      for (std::size_t i = 0; i < candidates_.size(); ++i) {
        if (has[i]) products[i].push(dots[i]);
      }
    }
    Json rows = Json::array();
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      const auto dense = [&](double sum) { return dense_ ? Json(sum) : Json(); };
      const PairSums& sums = totals[i];
      rows.push(Json::object({{"dot", sums.dot},
                              {"modules", std::move(products[i])},
                              {"norm2", sums.own.norm2},
                              {"queryNorm2", query.norm2},
                              {"clampSum", dense(sums.clamp)},
                              {"absSum", dense(sums.abs)},
                              {"squaresDot", dense(sums.squares_dot)},
                              {"squaresNorm2", dense(sums.own.squares_norm2)},
                              {"querySquaresNorm2", dense(query.squares_norm2)}}));
    }
    return Json::object({{"candidates", std::move(rows)}});
  }

  RequestAdapter query_;
  std::vector<RequestAdapter> candidates_;
  bool dense_;
  std::vector<ComparedModule> modules_;  ///< in the order of their keys
  std::vector<Group> groups_;
  std::vector<std::vector<PairSums>> sums_;  ///< of each module's candidates, so that totals do not depend on threads
  std::vector<OwnSums> query_sums_;
};

}  // namespace

Json run_similarity(const Json& request, core::Progress& progress, const core::CancelToken& cancel) {
  const Field root(request, "");
  const int threads = threads_of(root);
  return Similarity(root).run(threads, progress, cancel);
}

}  // namespace amalgam::lora
