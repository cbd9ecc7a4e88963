#!/usr/bin/env bash
# A sweep as one Slurm job: sbatch cluster/slurm.sh my_space.yaml FOLDER_THAT_ALL_NODES_SEE
# Sent again with the same folder, it goes on where it was; at the end of its time Slurm sends SIGTERM, which ends a sweep
# in order.
#SBATCH --job-name=ray-mtlkd
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=12:00:00
set -euo pipefail

space=${1:?which search space?}
out=${2:?where to write, in a folder that all nodes see?}
umask 077

export RAY_AUTH_MODE=token
RAY_AUTH_TOKEN_PATH=$(dirname "$out")/.ray-token-$SLURM_JOB_ID # not as an argument, which others see
export RAY_AUTH_TOKEN_PATH
trap 'rm -f "$RAY_AUTH_TOKEN_PATH"' EXIT
mkdir -p "$(dirname "$out")"
python -c 'import secrets; print(secrets.token_hex(32))' > "$RAY_AUTH_TOKEN_PATH"

if [[ -e $out/sweep.json ]]; then
  sweep=(ray-mtlkd sweep --resume "$out")
else
  sweep=(ray-mtlkd sweep "$space" --out "$out")
fi
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
srun ray symmetric-run --address "$head:6379" --min-nodes "$SLURM_JOB_NUM_NODES" -- \
  env RAY_ADDRESS="$head:6379" "${sweep[@]}"
