use lib 't/lib';
use WebhookTest 'no_plan';

# A reload while bodies are being read: the requests that began before it are
# judged to their end, by the configuration that they began with.

use Answers qw(echo refused);
use IO::Select ();
use IO::Socket::INET ();
use LuzmoEvent qw($Body);
use Time::HiRes qw(sleep);

our $Config = <<'END';
    location = /ready {
        return 200 "ready\n";
    }

    location /hook/ {
        webhook luzmo;
        webhook_secret before slug=acme;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /file/ {
        webhook luzmo;
        webhook_secret before slug=acme;
        client_body_buffer_size 16;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
END

sub begin {
    my ($uri, $secret, $length) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => server_port(),
                                       Timeout => 5) or die "connect: $!";
    $socket->blocking(1);
    $socket->autoflush(1);
    put($socket, "POST $uri HTTP/1.1\r\nHost: x\r\nX-Secret: $secret\r\n",
                 "Content-Type: application/json\r\nConnection: close\r\n",
                 "Content-Length: $length\r\n\r\n");
    return $socket;
}

sub put { my $socket = shift; print $socket @_ }

sub answer {
    my $socket = shift;
    my $in = '';

    while (IO::Select->new($socket)->can_read(5)) {
        last if !sysread $socket, $in, 65536, length $in;
    }

    return $in =~ s/^HTTP\/1\.1 (\d+) .*?\r\n\r\n/$1 /sr;
}

# Puts another configuration in place and waits for a worker that has it, or
# for an error.
sub reload {
    my ($from, $to) = @_;
    my $log = $Test::Nginx::Util::ErrLogFile;
    my $file = $Test::Nginx::Util::ConfFile;

    open my $in, '<', $file or die "$file: $!";
    my $text = do { local $/; <$in> };

    my $master = do {
        open my $pid, '<', $Test::Nginx::Util::PidFile or die "pid: $!";
        <$pid> + 0;
    };

    my $workers = sub { join ' ', sort split ' ', `pgrep -P $master` };
    my $before = $workers->();

    open my $out, '>', $file or die "$file: $!";
    print $out $text =~ s/\Q$from\E/$to/gr;
    close $out;

    kill HUP => $master;

    for (1 .. 500) {
        sleep 0.01;
        last if $workers->() ne $before || `grep -c emerg $log` > 0;
    }

    # The old worker stops accepting as soon as it has the master's message.
    sleep 0.2;
}

add_response_body_check(sub {
    my $block = shift;

    is(ref $block->client, 'CODE', $block->name . ' - the client compiles');
    $block->client->(sub { is($_[0], $_[1], $block->name . " - $_[2]") });
});

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', echo());
    $block->set_value('config', $Config);
    $block->set_value('request', 'GET /ready');
    $block->set_value('response_body', "ready\n");
});

master_on();
workers(1);
run_tests();

__DATA__

=== TEST 1: a reload while bodies are being read
--- client eval
sub {
    my $is = shift;
    my $length = length $::Body;

    my @open = (::begin('/hook/data_updated', 'before', $length),
                ::begin('/file/data_updated', 'before', $length),
                ::begin('/hook/data_updated', 'before', $length + 1),
                ::begin('/hook/data_updated', 'before', $length));

    ::put($_, substr $::Body, 0, 50) for @open;
    ::sleep(0.05);

    ::reload('before', 'after');

    ::put($_, substr $::Body, 50, 30) for @open;
    ::sleep(0.05);

    ::put($open[0], substr $::Body, 80);
    ::put($open[1], substr $::Body, 80);
    ::put($open[2], substr($::Body, 80), '}');
    close pop @open;

    $is->(::answer($open[0]), "200 $::Body", 'accepted by the old one');
    $is->(::answer($open[1]), "200 $::Body", 'accepted from a file');
    $is->(::answer($open[2]),
          ::refused(luzmo => 'invalid_json', offset => $length),
          'refused by the old one');

    my $socket = ::begin('/hook/data_updated', 'before', $length);
    ::put($socket, $::Body);
    $is->(::answer($socket), ::refused(luzmo => 'invalid_secret'),
          'the old secret is none any more');

    $socket = ::begin('/hook/data_updated', 'after', $length);
    ::put($socket, $::Body);
    $is->(::answer($socket), "200 $::Body", 'the new secret is one');
}
--- error_log
gracefully shutting down



=== TEST 2: a configuration that is refused changes nothing
--- client eval
sub {
    my $is = shift;
    my $length = length $::Body;

    my $open = ::begin('/hook/data_updated', 'before', $length);
    ::put($open, substr $::Body, 0, 50);

    ::reload('webhook_secret before slug=acme;', '');

    ::put($open, substr $::Body, 50);
    $is->(::answer($open), "200 $::Body", 'the one that had begun');

    $open = ::begin('/hook/data_updated', 'before', $length);
    ::put($open, $::Body);
    $is->(::answer($open), "200 $::Body", 'another one');
}
--- error_log eval
[qr/\[emerg\] .*"webhook luzmo" needs "webhook_secret" or "webhook_signature", or an explicit "webhook_secret off", in \S+nginx\.conf:\d+/,
 '[emerg]']
