#include "jobs/job_table.h"

#include <array>

#include "eval/evaluate.h"
#include "eval/logits.h"
#include "learn/learn.h"
#include "lora/compare.h"
#include "lora/inspect.h"
#include "lora/similarity.h"
#include "merge/preview.h"
#include "merge/run_merge.h"

namespace amalgam::jobs {

namespace {

constexpr std::array kinds{
    JobKind{"merge", merge::run_merge},
    JobKind{"preview", merge::run_preview},
    JobKind{"inspect", lora::run_inspect},
    JobKind{"compare", lora::run_compare},
    JobKind{"similarity", lora::run_similarity},
    JobKind{"matched-random", lora::run_matched_random},
    JobKind{"checkpoint", eval::run_checkpoint},
    JobKind{"evaluate", eval::run_evaluate},
    JobKind{"logits", eval::run_logits},
    JobKind{"learn", learn::run_learn},
    JobKind{"gradients", learn::run_gradients},
    JobKind{"sparse-mask", learn::run_sparse_mask},
};

}  // namespace

std::span<const JobKind> job_table() { return kinds; }

}  // namespace amalgam::jobs
