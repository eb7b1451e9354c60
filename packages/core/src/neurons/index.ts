export { neuronCsv } from './neuron-csv.ts';
export { type Neuron, neuronTable } from './neuron-table.ts';
