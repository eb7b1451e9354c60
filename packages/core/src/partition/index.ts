export { PARTITION_DEFAULTS, type PartitionMethod, type PartitionOptions, partition } from './partition.ts';
