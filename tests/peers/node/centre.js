// A message centre made of node-smpp, which a test drives over standard input: deliver, enquire, unbind, drop.
'use strict';

const smpp = require('smpp');
const { obey, parts, tell, text } = require('./lines');

const bound = new Set();
let lastId = 0;

const server = smpp.createServer((session) => {
	session.on('error', (error) => tell({ event: 'error', message: error.message }));
	session.on('close', () => {
		bound.delete(session);
		tell({ event: 'closed' });
	});
	for (const kind of ['bind_transceiver', 'bind_transmitter', 'bind_receiver']) {
		session.on(kind, (pdu) => {
			if (pdu.password !== 'secret') {
				session.send(pdu.response({ command_status: smpp.ESME_RINVPASWD }));
				session.close();
				return;
			}
			session.kind = kind;
			bound.add(session);
			session.send(pdu.response({ system_id: 'node-smpp' }));
			tell({ event: 'bound', kind, system_id: pdu.system_id });
		});
	}
	session.on('submit_sm', (pdu) => {
		const message_id = (++lastId).toString(16).padStart(8, '0').toUpperCase();
		session.send(pdu.response({ message_id }));
		const whole = text(pdu);
		if (whole) {
			tell({ event: 'text', from: pdu.source_addr, to: pdu.destination_addr, ...whole });
		}
		if (pdu.registered_delivery & 1) {
			receiver().deliver_sm({
				esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
				source_addr: pdu.destination_addr,
				destination_addr: pdu.source_addr,
				short_message: `id:${lastId} sub:001 dlvrd:001 submit date:2611220653 done date:2611220654 stat:DELIVRD err:000 text:`,
			});
		}
	});
	session.on('enquire_link', (pdu) => {
		session.send(pdu.response());
		tell({ event: 'enquired' });
	});
	session.on('unbind', (pdu) => {
		session.send(pdu.response());
		session.close();
		tell({ event: 'unbound' });
	});
});

function receiver() {
	return [...bound].find((session) => session.kind !== 'bind_transmitter');
}

server.listen(0, '127.0.0.1', () => tell({ event: 'listening', port: server.address().port }));

obey({
	deliver: (order) => {
		for (const short_message of parts(order.text, order.size, 7)) {
			const message = { source_addr: order.from, destination_addr: order.to, data_coding: order.data_coding, short_message };
			receiver().deliver_sm(message, (pdu) => tell({ event: 'answer', status: pdu.command_status }));
		}
	},
	enquire: () => receiver().enquire_link({}, (pdu) => tell({ event: 'answer', status: pdu.command_status })),
	unbind: () => receiver().unbind({}, (pdu) => tell({ event: 'answer', status: pdu.command_status })),
	drop: () => bound.forEach((session) => session.destroy()),
});
