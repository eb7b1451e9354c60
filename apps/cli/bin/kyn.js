#!/usr/bin/env node
import '../../../dist/kyn.js';
