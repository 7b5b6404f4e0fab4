// Huang et al. 2023, LoraHub (arXiv 2307.13269), concatenated form; PEFT combination type "cat"
//
// sum_i c_i s_i B_i A_i = [B_1 ... B_T] diag(c_1 s_1, ..., c_T s_T) [A_1; ...; A_T]: the stacked units are the result.
#include <utility>

#include "methods/method.h"
#include "methods/params.generated.h"

namespace amalgam::methods {

lora::RankUnits concat(lora::RankUnits units, const ConcatParams&) { return units; }

}  // namespace amalgam::methods
