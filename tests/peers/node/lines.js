// What both peers share: a JSON object a line on standard output and input, and texts in parts by node-smpp's own means.
'use strict';

const readline = require('readline');

exports.tell = function (what) {
	process.stdout.write(JSON.stringify(what) + '\n');
};

// Obeys {"do": name, ...} until standard input ends, and then the process with it.
exports.obey = function (deeds) {
	const lines = readline.createInterface({ input: process.stdin });
	lines.on('line', (line) => {
		const order = JSON.parse(line);
		deeds[order.do](order);
	});
	lines.on('close', () => process.exit(0));
};

// The short_message values that carry a text: one, or parts of `size` characters with a user data header.
exports.parts = function (text, size, reference) {
	if (text.length <= size) {
		return [text];
	}
	const total = Math.ceil(text.length / size);
	const made = [];
	for (let index = 1; index <= total; index++) {
		made.push({
			udh: Buffer.from([5, 0, 3, reference, total, index]),
			message: text.slice((index - 1) * size, index * size),
		});
	}
	return made;
};

const open = {};

// The whole text that a PDU carries or completes, as node-smpp decodes it; null while parts are missing.
exports.text = function (pdu) {
	const concat = (pdu.short_message.udh || []).find((element) => element[0] === 0);
	const payload = pdu.message_payload && (pdu.message_payload.message || pdu.message_payload);
	if (!concat) {
		return { text: pdu.short_message.message || payload || '', parts: 1 };
	}
	const key = [pdu.source_addr, pdu.destination_addr, concat[2]].join();
	const known = (open[key] = open[key] || {});
	known[concat[4]] = pdu.short_message.message;
	if (Object.keys(known).length < concat[3]) {
		return null;
	}
	delete open[key];
	return { text: Object.keys(known).map((index) => known[index]).join(''), parts: concat[3] };
};
