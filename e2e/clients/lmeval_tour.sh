#!/bin/sh
# lm-evaluation-harness' local-completions against a running server: a multiple
# choice task and a rolling perplexity on local data.
#
#   lmeval_tour.sh http://127.0.0.1:8080 [tokenizer: remote or a Hugging Face name]
set -eu
url=$1
cd "$(dirname "$0")/lmeval"
for batch in 1 16; do
	for tokenized in True False; do
		echo "batch $batch, tokenized_requests=$tokenized"
		HF_HUB_OFFLINE=1 lm_eval --model local-completions --tasks local_choice,local_rolling --include_path . --batch_size "$batch" \
			--model_args "model=$(basename "${2:-smollm2}"),base_url=$url/v1/completions,tokenizer_backend=remote,tokenized_requests=$tokenized,max_length=2048,num_concurrent=1"
	done
done
