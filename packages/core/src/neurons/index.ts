export { neuronCsv } from './neuron-csv.ts';
export { type Neuron, type NeuronSection, neuronTable } from './neuron-table.ts';
