package NameServer;

# A name server of the test's own, which answers over UDP as it is told to:
#
#     use NameServer;
#
#     my $dns = NameServer->new(port => NginxProcess::port(9));
#     $dns->set('a.test' => ['192.0.2.1', '::1']);
#     $dns->set('b.test' => ['8.8.8.8'], ['127.0.0.1']);
#     $dns->set('c.test' => 'SERVFAIL');
#     is($dns->asked('b.test'), 2);
#
# Of several lists, each question of one type is answered with the next one, the
# last of them again and again.  A name that is not set does not exist.  Answers
# must not be kept: their time to live is zero.

use strict;
use warnings;

use Child ();
use IO::Socket::INET ();
use Socket qw(AF_INET6 inet_aton inet_pton);

my %Type = (1 => 'A', 28 => 'AAAA');
my %Code = (FORMERR => 1, SERVFAIL => 2, NXDOMAIN => 3, REFUSED => 5);

sub new {
    my ($class, %self) = @_;
    my $self = bless {%self}, $class;

    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                       LocalPort => $self->{port},
                                       Proto => 'udp')
        or die "name server: $!";

    $self->{file} = "$self->{dir}/names";
    $self->{log} = "$self->{dir}/questions";
    write_file($self->{file}, '');
    write_file($self->{log}, '');

    Child::start('name server', sub { $self->serve($socket) });

    return $self;
}

sub write_file {
    my ($path, $text) = @_;
    open my $file, '>', "$path.new" or die "$path: $!";
    print $file $text;
    close $file or die "$path: $!";
    rename "$path.new", $path or die "$path: $!";
}

# What is set is a line: the name, then lists of addresses.
sub set {
    my ($self, $name, @lists) = @_;

    $self->{names}{$name} = join ' ', "$$-" . ++$self->{n},
        map { ref $_ ? ',' . join(',', @$_) : $_ } @lists;

    write_file($self->{file}, join '',
               map { "$_ $self->{names}{$_}\n" } sort keys %{$self->{names}});
}

# How often was a name asked for, an A record of it?
sub asked {
    my ($self, $name) = @_;
    open my $file, '<', $self->{log} or die "$self->{log}: $!";
    return scalar grep { $_ eq "$name A\n" } <$file>;
}

sub serve {
    my ($self, $socket) = @_;
    my %count;

    open my $log, '>>', $self->{log} or die "$self->{log}: $!";
    $log->autoflush(1);

    while (my $from = $socket->recv(my $question, 4096)) {
        last if Child::orphan();
        next if length $question < 17;

        my ($id) = unpack 'n', $question;
        my ($at, @labels) = (12);

        while (my $length = ord substr $question, $at, 1) {
            push @labels, lc substr $question, $at + 1, $length;
            $at += 1 + $length;
        }

        my $name = join '.', @labels;
        my $type = $Type{unpack 'n', substr $question, $at + 1, 2} // '?';
        my $asked = substr $question, 12, $at + 5 - 12;

        print $log "$name $type\n";

        open my $file, '<', $self->{file} or next;
        my ($line) = grep { /^\Q$name\E / } <$file>;
        my ($code, @records) = (0);

        if (!defined $line) {
            $code = $Code{NXDOMAIN};

        } else {
            my (undef, $n, @lists) = split ' ', $line;
            my $count = $count{"$n $type"}++;
            my $list = $lists[$count < @lists ? $count : $#lists];

            next if $list eq 'SILENT';

            if ($list =~ /^,/) {
                @records = map { $type eq 'AAAA' ? inet_pton(AF_INET6, $_)
                                                 : inet_aton($_) }
                           grep { $type eq (/:/ ? 'AAAA' : 'A') }
                           grep { length } split /,/, $list;
            } else {
                $code = $Code{$list};
            }
        }

        $socket->send(pack('n6', $id, 0x8180 | $code, 1, scalar @records, 0, 0)
                      . $asked
                      . join('', map { pack('n3Nn', 0xc00c,
                                            length == 4 ? 1 : 28, 1, 0, length)
                                       . $_ } @records),
                      0, $from);
    }
}

1;
