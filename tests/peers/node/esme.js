// An ESME made of node-smpp, which a test drives over standard input: connect, bind, submit, enquire, unbind, kill.
'use strict';

const smpp = require('smpp');
const { obey, parts, tell, text } = require('./lines');

let session;

obey({
	connect: (order) => {
		session = smpp.connect({ host: '127.0.0.1', port: order.port }, () => tell({ event: 'connected' }));
		session.on('error', (error) => tell({ event: 'error', message: error.message }));
		session.on('close', () => tell({ event: 'closed' }));
		session.on('enquire_link', (pdu) => session.send(pdu.response()));
		session.on('unbind', (pdu) => {
			session.send(pdu.response());
			session.close();
		});
		session.on('deliver_sm', (pdu) => {
			session.send(pdu.response());
			const whole = text(pdu);
			if (whole) {
				tell({ event: 'text', from: pdu.source_addr, to: pdu.destination_addr, esm_class: pdu.esm_class, ...whole });
			}
		});
	},
	bind: (order) => {
		session[order.kind]({ system_id: order.system_id, password: order.password }, (pdu) =>
			tell({ event: 'answer', status: pdu.command_status, system_id: pdu.system_id }),
		);
	},
	submit: (order) => {
		for (const short_message of parts(order.text, order.size, 9)) {
			const message = {
				source_addr: order.from,
				destination_addr: order.to,
				data_coding: order.data_coding,
				registered_delivery: order.receipt ? 1 : 0,
				short_message,
			};
			session.submit_sm(message, (pdu) =>
				tell({ event: 'answer', status: pdu.command_status, message_id: pdu.message_id }),
			);
		}
	},
	enquire: () => session.enquire_link({}, (pdu) => tell({ event: 'answer', status: pdu.command_status })),
	unbind: () => session.unbind({}, (pdu) => tell({ event: 'answer', status: pdu.command_status })),
	kill: () => session.destroy(),
});

tell({ event: 'ready' });
